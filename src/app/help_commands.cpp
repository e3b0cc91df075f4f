#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "command_text.hpp"
#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/shipped_files.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/base/version.hpp"
#include "hsconas/config/config_file.hpp"

namespace hsconas {

namespace {

struct Shell {
  const char* name;
  std::string (*completion)(const CommandText&, const CompletionWords&);
};
constexpr Shell kShells[] = {
    {"bash", bash_completion}, {"zsh", zsh_completion}, {"fish", fish_completion}};

void print_completion(const CLI::App& app, const std::string& shell) {
  CompletionWords words{.configs = shipped_names(Shipped::Config), .keys = {}};
  for (const ConfigKey& key : config_keys()) {
    const bool is_pattern =
        key.path.find('[') != std::string::npos || key.path.find(kAnyName) != std::string::npos;
    if (!is_pattern) words.keys.push_back(key.path);
  }
  for (const Shell& known : kShells) {
    if (known.name == shell) {
      fmt::print("{}", known.completion(describe_command(app, app.get_name()), words));
      return;
    }
  }
  throw Error(ErrorKind::Usage,
              fmt::format("there is no completion for '{}': name bash, zsh or fish", shell));
}

void write_manual(const CLI::App& app, const std::string& folder) {
  const CommandText program = describe_command(app, app.get_name());
  const std::string version = split(version_line(), ',').front();
  make_folder(folder);
  const auto write = [&](const CommandText& command, const std::string& name) {
    write_file(std::filesystem::path(folder) / (name + ".1"),
               manual_page(command, program, version, app.get_footer()));
  };
  write(program, program.path);
  for (const CommandText& command : program.commands) {
    write(command, program.path + "-" + command.name);
  }
}

}  // namespace

void add_help_commands(CLI::App& app, Command& chosen) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "completion", "Print a script that completes command lines in bash, zsh or fish");
  command->add_option("shell", *shell, "bash, zsh or fish")->required()->type_name("SHELL");
  command->callback([&app, shell, &chosen] {
    chosen = [&app, shell](CommandContext&) { print_completion(app, *shell); };
  });

  auto folder = std::make_shared<std::string>();
  command = app.add_subcommand("manual", "Write the manual pages, for man, to a folder");
  command->add_option("folder", *folder, "Folder, e.g. ~/.local/share/man/man1")
      ->required()
      ->type_name("DIR");
  command->callback([&app, folder, &chosen] {
    chosen = [&app, folder](CommandContext&) { write_manual(app, *folder); };
  });
}

}  // namespace hsconas
