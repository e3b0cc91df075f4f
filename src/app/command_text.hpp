#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace hsconas {

/// An option, or a positional argument, as --help describes it.
struct OptionText {
  std::vector<std::string> names;    ///< "-c", "--config"; one name without dashes for a word.
  std::string value;                 ///< "FILE"; empty for a flag.
  std::vector<std::string> choices;  ///< The allowed values; empty if there is no list of them.
  std::string meaning;
};

/// A command and its subcommands, as --help describes them.
struct CommandText {
  std::string path;  ///< "hsconas config print"
  std::string name;  ///< "print"
  std::string meaning;
  std::vector<OptionText> options;
  std::vector<OptionText> words;  ///< Positional arguments.
  std::vector<CommandText> commands;
};

/// `path` is the command's own, "hsconas" for the program.
CommandText describe_command(const CLI::App& command, const std::string& path);

/// The manual page hsconas-COMMAND(1) in roff, or hsconas(1) if `command` is the program. The pages
/// of `program` are listed at the end, and `footer` (examples and exit codes) is quoted.
std::string manual_page(const CommandText& command, const CommandText& program,
                        const std::string& version, const std::string& footer);

/// Words that the completion offers besides commands and options.
struct CompletionWords {
  std::vector<std::string> configs;  ///< Names of shipped configs, for --config.
  std::vector<std::string> keys;     ///< Keys of a config, for KEY=VALUE.
};

// Scripts that complete the program's command lines in a shell.
std::string bash_completion(const CommandText& program, const CompletionWords& words);
std::string zsh_completion(const CommandText& program, const CompletionWords& words);
std::string fish_completion(const CommandText& program, const CompletionWords& words);

}  // namespace hsconas
