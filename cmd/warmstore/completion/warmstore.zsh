#compdef warmstore
# Completion of warmstore for zsh: source it, or install it as _warmstore in a
# directory of $fpath.

_warmstore() {
	local -a candidates
	candidates=(${(f)"$(_call_program candidates ${(q)words[1]} __complete -- ${(@q)words[2,CURRENT]})"})
	if (( $#candidates )); then
		compadd -a candidates
	else
		_files
	fi
}

if [[ $funcstack[1] == _warmstore ]]; then
	_warmstore "$@"
else
	compdef _warmstore warmstore
fi
