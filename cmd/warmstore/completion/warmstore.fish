# Completion of warmstore for fish: source it, or install it as
# warmstore.fish in a directory of $fish_complete_path.

function __warmstore_complete
	set -l words (commandline -opc) (commandline -ct)
	$words[1] __complete -- $words[2..] 2>/dev/null
end

# Where warmstore knows nothing, fish offers files.
complete -c warmstore -n 'count (__warmstore_complete) >/dev/null' -f -a '(__warmstore_complete)'
