# Completion of warmstore for bash: source it, or install it as
# /usr/share/bash-completion/completions/warmstore.

_warmstore() {
	mapfile -t COMPREPLY < <("$1" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}

# Where warmstore knows nothing, bash offers files.
complete -o default -F _warmstore warmstore
