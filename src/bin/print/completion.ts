// Completion for bash, zsh and fish. Words, options and choices are in the script; names of things
// are asked for at the server, for a second at most.

import { allCommands, type PrintedCommand, type PrintedOption } from './tree.ts';

/** In single quotes, for any of the shells. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

const alternatives = (paths: readonly string[]) => paths.map(quoted).join('|');

const ask = 'list --output name --per-page 100 --timeout 1s 2>/dev/null </dev/null';
const askPlain = 'list --output name --timeout 1s 2>/dev/null </dev/null';

/** The values that an option takes, as the assignments of a case in bash and zsh. */
const valueCase = (path: string, { names, choices, takesFile }: PrintedOption) => {
  const what =
    choices.length > 0 ? `choices=${quoted(choices.join(' '))}` : takesFile ? 'files=1' : 'none=1';
  return `    ${alternatives(names.map((name) => `${path} ${name}`))}) ${what} ;;`;
};

const pathCase = ({ path, words, options, names }: PrintedCommand) => {
  const flags = [...options.flatMap((one) => one.names), '--help'].join(' ');
  const list = words.length > 0 ? `words=${quoted(words.join(' '))}` : `options=${quoted(flags)}`;
  return `    ${quoted(path)}) ${list} noun=${quoted(names ?? '')} ;;`;
};

/** What bash and zsh share: both read these cases, which set what can be typed next. */
const cases = (commands: readonly PrintedCommand[]) => `  case "$at $before" in
${commands
  .flatMap(({ path, options }) =>
    options.filter((one) => one.takesValue).map((one) => valueCase(path, one)),
  )
  .join('\n')}
  esac
  case "$at" in
${commands.map(pathCase).join('\n')}
  esac`;

const paths = (commands: readonly PrintedCommand[]) =>
  alternatives(commands.map(({ path }) => path).filter((path) => path !== ''));

const namesFunction = `_silversmith_names() {
  case "$1" in
    machine|image) silversmith "$1" ${ask} ;;
    ?*) silversmith "$1" ${askPlain} ;;
  esac
}`;

const bash = (
  commands: readonly PrintedCommand[],
) => `# Completion of silversmith for bash. To load it: source <(silversmith completion bash)
${namesFunction}
_silversmith() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
  local at= one i words= options= noun= choices= files= none=
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    one="\${at:+$at }\${COMP_WORDS[i]}"
    case "$one" in
    ${paths(commands)}) at=$one ;;
    esac
  done
${cases(commands)}
  if [[ $choices ]]; then COMPREPLY=($(compgen -W "$choices" -- "$current"))
  elif [[ $files ]]; then COMPREPLY=($(compgen -f -- "$current"))
  elif [[ $none ]]; then return 0
  elif [[ $current == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [[ $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$current"))
  elif [[ $noun ]]; then
    while IFS= read -r one; do
      [[ $one == "\${current//\\\\/}"* ]] && COMPREPLY+=("$(printf %q "$one")")
    done < <(_silversmith_names "$noun")
  else COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -F _silversmith silversmith
`;

const zsh = (commands: readonly PrintedCommand[]) => `#compdef silversmith
# Completion of silversmith for zsh. To load it: source <(silversmith completion zsh)
${namesFunction}
_silversmith() {
  local current=\${words[CURRENT]} before=\${words[CURRENT-1]}
  local at= one i options= noun= choices= files= none=
  local -a typed
  typed=("\${words[@]}")
  local words=
  for ((i = 2; i < CURRENT; i++)); do
    one="\${at:+$at }\${typed[i]}"
    case "$one" in
    ${paths(commands)}) at=$one ;;
    esac
  done
${cases(commands)}
  if [[ -n $choices ]]; then compadd -- \${=choices}
  elif [[ -n $files ]]; then _files
  elif [[ -n $none ]]; then return 0
  elif [[ $current == -* ]]; then compadd -- \${=options}
  elif [[ -n $words ]]; then compadd -- \${=words}
  elif [[ -n $noun ]]; then compadd -- "\${(@f)$(_silversmith_names "$noun")}"
  else _files
  fi
}
if [[ \${funcstack[1]} == _silversmith ]]; then _silversmith "$@"; else compdef _silversmith silversmith; fi
`;

function fishLines(
  { path, words, options, names, description }: PrintedCommand,
  byPath: ReadonlyMap<string, PrintedCommand>,
) {
  const at = `complete -c silversmith -n ${quoted(`__silversmith_at ${quoted(path).replaceAll("'", '"')}`)}`;
  const first = (text: string) => quoted(text.split(/[.;:]/)[0] ?? '');
  return [
    ...words.map((word) => {
      const says = byPath.get(`${path} ${word}`.trim())?.description ?? description;
      return `${at} -a ${quoted(word)} -d ${first(says)}`;
    }),
    ...options.map(({ names: given, takesValue, choices, takesFile, description: says }) => {
      const [long = '', short] = given;
      const value = !takesValue
        ? ''
        : choices.length > 0
          ? ` -x -a ${quoted(choices.join(' '))}`
          : takesFile
            ? ' -rF'
            : ' -x';
      return `${at} -l ${long.slice(2)}${short ? ` -s ${short.slice(1)}` : ''}${value} -d ${first(says)}`;
    }),
    ...(names === null ? [] : [`${at} -a '(__silversmith_names ${names})'`]),
  ];
}

function fish(commands: readonly PrintedCommand[]) {
  const byPath = new Map(commands.map((one) => [one.path, one]));
  const known = commands.map(({ path }) => path).filter((path) => path !== '');
  return `# Completion of silversmith for fish. To load it: silversmith completion fish | source
function __silversmith_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    set -l one (string trim "$at $word")
    if contains -- $one ${known.map(quoted).join(' ')}
      set at $one
    end
  end
  test "$at" = "$argv[1]"
end
function __silversmith_names
  switch $argv[1]
    case machine image
      silversmith $argv[1] ${ask}
    case '*'
      silversmith $argv[1] ${askPlain}
  end
end
complete -c silversmith -f
${commands.flatMap((one) => fishLines(one, byPath)).join('\n')}
`;
}

const scripts = { bash, zsh, fish } as const;

/** The script that teaches a shell what can be typed. */
export const completionFor = async (shell: keyof typeof scripts): Promise<string> =>
  scripts[shell](await allCommands());
