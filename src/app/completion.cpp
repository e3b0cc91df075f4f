#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "command_text.hpp"
#include "hsconas/base/text.hpp"

// Each script finds the command from the words before the cursor, and offers its commands, options
// and, where it takes KEY=VALUE, the keys of a config. Other words are completed as files.
namespace hsconas {

namespace {

void for_each_command(const CommandText& command,
                      const std::function<void(const CommandText&)>& use) {
  use(command);
  for (const CommandText& below : command.commands) for_each_command(below, use);
}

std::vector<std::string> names_of(const std::vector<CommandText>& commands) {
  std::vector<std::string> names;
  for (const CommandText& command : commands) names.push_back(command.name);
  return names;
}

std::vector<std::string> option_names(const CommandText& command) {
  std::vector<std::string> names;
  for (const OptionText& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

bool takes_keys(const CommandText& command) {
  return std::any_of(command.words.begin(), command.words.end(),
                     [](const OptionText& word) { return word.value.starts_with("KEY=VALUE"); });
}

/// `text` in single quotes, for shells in which they quote everything.
std::string quoted_for_shell(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

/// A pattern of `case` that matches each command path but the program's own.
std::string paths_pattern(const CommandText& program) {
  std::vector<std::string> paths;
  for_each_command(program, [&](const CommandText& command) {
    if (command.path != program.path) paths.push_back(quoted_for_shell(command.path));
  });
  return join(paths, " | ");
}

/// For each option with a list of values: `line` with its names, joined by `separator`, and values.
std::string choices_of(
    const CommandText& program, std::string_view separator,
    const std::function<std::string(const std::string&, const std::string&)>& line) {
  std::string lines;
  for_each_command(program, [&](const CommandText& command) {
    for (const OptionText& option : command.options) {
      if (option.choices.empty()) continue;
      std::vector<std::string> patterns;
      for (const std::string& name : option.names) {
        patterns.push_back(quoted_for_shell(command.path + " " + name));
      }
      lines += line(join(patterns, separator), join(option.choices, " "));
    }
  });
  return lines;
}

/// `text` in single quotes, in which fish reads a backslash as an escape.
std::string fish_quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

/// `text` as one item of zsh's _describe, which separates a word from its meaning by a colon.
std::string zsh_item(const std::string& name, const std::string& meaning) {
  std::string escaped;
  for (const char c : name) escaped += c == ':' ? "\\:" : std::string(1, c);
  return quoted_for_shell(escaped + ":" + meaning);
}

}  // namespace

std::string bash_completion(const CommandText& program, const CompletionWords& words) {
  std::string cases;
  for_each_command(program, [&](const CommandText& command) {
    cases += fmt::format("    {}) commands=\"{}\"; options=\"{}\"; has_keys={} ;;\n",
                         quoted_for_shell(command.path), join(names_of(command.commands), " "),
                         join(option_names(command), " "), takes_keys(command) ? 1 : 0);
  });
  const std::string choices =
      choices_of(program, " | ", [](const std::string& patterns, const std::string& values) {
        return fmt::format("    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$current\")); return ;;\n",
                           patterns, values);
      });
  return fmt::format(
      R"(# Completion of hsconas for bash. Load it with: source <(hsconas completion bash)
_hsconas() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
  local command={0} word commands options has_keys
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$command $word" in
      {1}) command="$command $word" ;;
    esac
  done
  case "$command $previous" in
{2}    *" -c" | *" --config")
      COMPREPLY=($(compgen -W "{3}" -- "$current") $(compgen -f -- "$current"))
      compopt -o filenames
      return ;;
    *" =") return ;;
  esac
  [ "$current" != = ] || return
  case "$command" in
{4}  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
    return
  fi
  COMPREPLY=($(compgen -W "$commands" -- "$current"))
  if [ "$has_keys" = 1 ]; then
    COMPREPLY+=($(compgen -W "{5}" -S = -- "$current"))
    [ ${{#COMPREPLY[@]}} -eq 0 ] || compopt -o nospace
  fi
}}
complete -o default -F _hsconas {0}
)",
      program.path, paths_pattern(program), choices, join(words.configs, " "), cases,
      join(words.keys, " "));
}

std::string zsh_completion(const CommandText& program, const CompletionWords& words) {
  std::string cases;
  for_each_command(program, [&](const CommandText& command) {
    std::vector<std::string> commands;
    for (const CommandText& below : command.commands) {
      commands.push_back(zsh_item(below.name, below.meaning));
    }
    std::vector<std::string> options;
    for (const OptionText& option : command.options) {
      for (const std::string& name : option.names) {
        options.push_back(zsh_item(name, option.meaning));
      }
    }
    cases += fmt::format("    {})\n      commands=({})\n      options=({})\n      has_keys={} ;;\n",
                         quoted_for_shell(command.path), join(commands, " "), join(options, " "),
                         takes_keys(command) ? 1 : 0);
  });
  const std::string choices =
      choices_of(program, " | ", [](const std::string& patterns, const std::string& values) {
        return fmt::format("    {}) compadd {}; return ;;\n", patterns, values);
      });
  return fmt::format(R"(#compdef {0}
# Completion of hsconas for zsh. Save it as _hsconas in a folder of $fpath, before compinit.
_hsconas() {{
  local command={0} word has_keys
  local -a commands options
  for word in ${{words[2,CURRENT-1]}}; do
    case "$command $word" in
      {1}) command="$command $word" ;;
    esac
  done
  case "$command ${{words[CURRENT-1]}}" in
{2}    *" -c" | *" --config") compadd {3}; _files; return ;;
  esac
  case "$command" in
{4}  esac
  if [[ ${{words[CURRENT]}} == -* ]]; then
    _describe option options
    return
  fi
  (( $#commands )) && _describe command commands
  (( has_keys )) && compadd -S = {5}
  (( $#commands )) || _files
}}
if [[ $funcstack[1] == _hsconas ]]; then
  _hsconas "$@"
else
  compdef _hsconas {0}
fi
)",
                     program.path, paths_pattern(program), choices, join(words.configs, " "), cases,
                     join(words.keys, " "));
}

std::string fish_completion(const CommandText& program, const CompletionWords& words) {
  std::string text =
      "# Completion of hsconas for fish. Load it with: hsconas completion fish | source\n";
  std::string paths;
  for_each_command(program, [&](const CommandText& command) {
    if (command.path != program.path) paths += " " + quoted_for_shell(command.path);
  });
  text += fmt::format(R"(function __hsconas_command
  set -l command {}
  for word in (commandline -opc)[2..-1]
    switch "$command $word"
      case{}
        set command "$command $word"
    end
  end
  echo $command
end
)",
                      program.path, paths);
  for_each_command(program, [&](const CommandText& command) {
    const std::string begin = fmt::format("complete -c {} -n 'test (__hsconas_command) = \"{}\"'",
                                          program.path, command.path);
    for (const CommandText& below : command.commands) {
      text += fmt::format("{} -f -a {} -d {}\n", begin, below.name, fish_quoted(below.meaning));
    }
    for (const OptionText& option : command.options) {
      text += begin;
      for (const std::string& name : option.names) {
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      const bool is_config = option.names.back() == "--config";
      const auto& values = is_config ? words.configs : option.choices;
      if (!option.value.empty()) text += " -r";
      if (!values.empty()) text += " -a " + quoted_for_shell(join(values, " "));
      text += " -d " + fish_quoted(option.meaning) + "\n";
    }
    if (takes_keys(command)) {
      text += fmt::format("{} -a '{}='\n", begin, join(words.keys, "= "));
    }
  });
  return text;
}

}  // namespace hsconas
