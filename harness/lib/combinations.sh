# shellcheck shell=bash disable=SC2034  # what is set here is for those who source it
# SPDX-License-Identifier: GPL-2.0-only
# Combinations of guests, kernels, images and CPUs, for harness/matrix and harness/lava: from a file (docs/matrix.md), or from lists in the
# variables GUESTS KERNELS IMAGES CPUS. Needs common.sh, prepare/guest.sh.
#
# PLAN is made of lines, tab-separated: NAME GUEST KERNEL IMAGE CPUS ARGS. A kernel or an image that is a file is an absolute path; what isn't given
# is "-"; ARGS are the gate's other arguments, quoted as bash reads them.

PLAN=()
COMBINATION_LISTS=' GUESTS KERNELS IMAGES CPUS '
COMBINATION_COMMON=$EACH_GATE_VARIABLES
# What a paragraph says, and what was said beside the file, which goes first.
declare -A PARAGRAPH=() GIVEN=() COMBINATION_NAMED=()

# combinations_given NAME VALUE : a variable that is given on the command line; die if there is none of that name
combinations_given() {
	[[ $COMBINATION_LISTS$COMBINATION_COMMON == *" $1 "* ]] || die 2 "unknown variable $1; known:$COMBINATION_LISTS$COMBINATION_COMMON(see --help)"
	[[ $2 != *[[:cntrl:]]* ]] || die 2 "$1: a line break or another control character is in it"
	GIVEN[$1]=$2
}

# combinations_plan [FILE] : all combinations of the file, or of what is given, into PLAN
combinations_plan() {
	local name
	for name in $COMBINATION_LISTS $COMBINATION_COMMON; do
		[[ -n ${GIVEN[$name]+given} || -z ${!name:-} ]] || combinations_given "$name" "${!name}"
	done
	if [[ -n ${1:-} ]]; then
		combinations_file "$1"
		return
	fi
	[[ -n ${GIVEN[GUESTS]:-} ]] || die 2 'which guests? Give a FILE, or GUESTS="x86 arm64" (they are in harness/guests/)'
	combinations_add
}

# combinations_file FILE : the products of its paragraphs into PLAN
combinations_file() {
	local line key value number=0
	for key in $COMBINATION_LISTS; do
		[[ -z ${GIVEN[$key]+given} ]] || die 2 "$1, and $key=: take one of the two"
	done
	while IFS= read -r line || [[ -n $line ]]; do
		number=$((number + 1))
		[[ $line != \#* ]] || continue
		if [[ -z ${line//[[:space:]]/} ]]; then
			combinations_paragraph "$1:$number"
			continue
		fi
		key=${line%%=*} value=${line#*=}
		key=${key//[[:space:]]/}
		[[ $line == *=* && $key == "${key,,}" && $COMBINATION_LISTS$COMBINATION_COMMON == *" ${key^^} "* ]] ||
			die 2 "$1:$number: not a setting; known:${COMBINATION_LISTS,,}${COMBINATION_COMMON,,}"
		value=${value#"${value%%[![:space:]]*}"}
		PARAGRAPH[${key^^}]=${value%"${value##*[![:space:]]}"}
	done <"$1"
	combinations_paragraph "$1:$number"
	((${#PLAN[@]})) || die 2 "$1: no combinations in it; a line is like: guests = x86 arm64"
}

# combinations_paragraph WHERE : the paragraph that ends here, if there is any
combinations_paragraph() {
	((${#PARAGRAPH[@]})) || return 0
	[[ -n ${PARAGRAPH[GUESTS]:-} ]] || die 2 "$1: the paragraph that ends here names no guests; a line is like: guests = x86 arm64"
	combinations_add
	PARAGRAPH=()
}

# combination_value NAME -> what is given for it, or what the paragraph says
combination_value() { echo "${GIVEN[$1]-${PARAGRAPH[$1]-}}"; }

# combination_words NAME : the words of that list into array WORDS; patterns of files are what they match, files absolute paths
combination_words() {
	local word file
	local -a words found
	WORDS=()
	read -ra words <<<"$(combination_value "$1")"
	for word in "${words[@]}"; do
		found=("$word")
		if [[ $1 == IMAGES || $1 == KERNELS ]] && [[ $word == *[*?[]* ]]; then
			mapfile -t found < <(compgen -G "$word")
			((${#found[@]})) || die 2 "$1: no file matches $word"
		fi
		for file in "${found[@]}"; do
			case $1 in
			IMAGES) [[ -f $file && -r $file ]] || die 2 "IMAGES: $file: no such file" ;;
			KERNELS) [[ $file != */* || -e $file ]] || die 2 "KERNELS: $file: no such file" ;;
			CPUS) [[ $file =~ ^([1-9]|[1-5][0-9]|6[0-4])$ ]] || die 2 "CPUS: $file: give numbers from 1 to 64" ;;
			GUESTS) (guest_conf "$file") || exit ;;
			esac
			[[ $1 == CPUS || ! -e $file || ($1 == GUESTS && $file != */*) ]] || absolute file
			[[ $file != *[[:cntrl:]]* ]] || die 2 "$1: a control character is in the name of a file"
			WORDS+=("$file")
		done
	done
}

# combination_name GUEST KERNEL IMAGE CPUS : a name made of them that no other has, into variable name
combination_name() {
	local part number
	name=${1##*/}
	name=${name%.conf}
	for part in "${2##*/}" "${3##*/}"; do
		[[ $part == - ]] || name+=.${part//[^A-Za-z0-9._+-]/_}
	done
	[[ $4 == - ]] || name+=.${4}cpu
	number=$((${COMBINATION_NAMED[$name]:-0} + 1))
	COMBINATION_NAMED[$name]=$number
	((number == 1)) || name+=-$number
}

# combinations_add : the product of the lists into PLAN
combinations_add() {
	local guest system kernel image cpus name value args=''
	local -a guests systems counts WORDS
	combination_words GUESTS
	guests=("${WORDS[@]}")
	# An image boots its own kernel: they stand side by side.
	combination_words KERNELS
	systems=("${WORDS[@]/%/$'\t-'}")
	combination_words IMAGES
	systems+=("${WORDS[@]/#/$'-\t'}")
	((${#systems[@]})) || systems=($'-\t-')
	combination_words CPUS
	counts=("${WORDS[@]:--}")
	for name in $COMBINATION_COMMON; do
		value=$(combination_value "$name")
		[[ $name != EXTRA_DIR && $name != EXPECTED ]] || absolute value
		# Gates run side by side already.
		[[ $name != BOOTS ]] || value=${value:-1}
		[[ -z $value ]] || printf -v args '%s %s=%q' "$args" "$name" "$value"
	done
	for guest in "${guests[@]}"; do
		for system in "${systems[@]}"; do
			for cpus in "${counts[@]}"; do
				IFS=$'\t' read -r kernel image <<<"$system"
				combination_name "$guest" "$kernel" "$image" "$cpus"
				PLAN+=("$name"$'\t'"$guest"$'\t'"$kernel"$'\t'"$image"$'\t'"$cpus"$'\t'"${args# }")
			done
		done
	done
}
