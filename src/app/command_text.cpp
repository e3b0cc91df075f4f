#include "command_text.hpp"

#include <CLI/CLI.hpp>

#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

/// Splits CLI11's type name, for example "N:INT in [1 - 9]" or "WORD:{auto,free}", into the name of
/// the value and its choices.
void take_value(const std::string& type, OptionText& option) {
  const std::size_t colon = type.find(':');
  option.value = type.substr(0, colon);
  if (colon == std::string::npos || type.compare(colon + 1, 1, "{") != 0) return;
  const std::size_t begin = colon + 2;
  option.choices = split(type.substr(begin, type.find('}') - begin), ',');
}

OptionText describe_option(const CLI::Option& option) {
  OptionText text{.names = {}, .value = "", .choices = {}, .meaning = option.get_description()};
  for (const std::string& name : option.get_snames()) text.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) text.names.push_back("--" + name);
  if (text.names.empty()) text.names.push_back(option.get_name(true));
  if (option.get_items_expected_max() > 0) take_value(option.get_type_name(), text);
  return text;
}

}  // namespace

CommandText describe_command(const CLI::App& command, const std::string& path) {
  CommandText text{.path = path,
                   .name = path.substr(path.rfind(' ') + 1),
                   .meaning = join(split(command.get_description(), '\n'), " "),
                   .options = {},
                   .words = {},
                   .commands = {}};
  for (const CLI::Option* option : command.get_options()) {
    (option->get_positional() ? text.words : text.options).push_back(describe_option(*option));
  }
  for (const CLI::App* below : command.get_subcommands([](const CLI::App*) { return true; })) {
    text.commands.push_back(describe_command(*below, path + " " + below->get_name()));
  }
  return text;
}

}  // namespace hsconas
