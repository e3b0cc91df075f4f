#include <filesystem>
#include <memory>
#include <system_error>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/pipeline/plan.hpp"
#include "hsconas/report/table.hpp"

namespace hsconas {

namespace {

using nlohmann::json;

struct NewOptions {
  ConfigOptions config;
  std::string file;
  bool force = false;
};

json resolved(const ConfigOptions& options) {
  return to_json(load_config(options.file, options.all_overrides()));
}

void print_config(const ConfigOptions& options) {
  fmt::print("{}\n", resolved(options).dump(2));
}

void check_config(const ConfigOptions& options, CommandContext& context) {
  const Config config = load_config(options.file, options.all_overrides());
  const SearchSpace space(config.space);
  const std::string text = describe_space(space) + "\n" + describe_shrinking(config, space);
  fmt::print("{}", context.options.json ? json{{"valid", true}, {"space", text}}.dump() + "\n"
                                        : options.file + ": valid\n" + text);
}

void new_config(const NewOptions& options, CommandContext& context) {
  std::error_code unknown;
  if (std::filesystem::exists(options.file, unknown) && !options.force) {
    throw Error(ErrorKind::Usage, options.file + " is there already; replace it with --force");
  }
  write_json(options.file, resolved(options.config));
  fmt::print("{}\n", context.options.json ? json{{"file", options.file}}.dump() : options.file);
}

void print_keys(CommandContext& context) {
  TextTable table({"key", "default", "allowed", "meaning"});
  json object = json::array();
  for (const ConfigKey& key : config_keys()) {
    table.add({key.path, key.initial, key.allowed, key.meaning});
    object.push_back({{"key", key.path},
                      {"default", json::parse(key.initial)},
                      {"allowed", key.allowed},
                      {"meaning", key.meaning}});
  }
  fmt::print("{}", context.options.json ? json{{"keys", object}}.dump() + "\n" : table.str());
}

}  // namespace

void add_config_commands(CLI::App& app, Command& chosen) {
  CLI::App* config = app.add_subcommand("config", "Print, check and make config files");
  config->require_subcommand(1);

  auto print = std::make_shared<ConfigOptions>();
  CLI::App* command =
      config->add_subcommand("print", "Print a config with every key, overrides applied");
  print->add_to(*command);
  command->callback(
      [print, &chosen] { chosen = [print](CommandContext&) { print_config(*print); }; });

  auto check = std::make_shared<ConfigOptions>();
  command = config->add_subcommand("check", "Check a config and say how large its space is");
  check->add_to(*command);
  command->callback([check, &chosen] {
    chosen = [check](CommandContext& context) { check_config(*check, context); };
  });

  auto fresh = std::make_shared<NewOptions>();
  command = config->add_subcommand(
      "new", "Write a config file of your own, every key spelled out, from another");
  command->add_option("file", fresh->file, "File to write")->required()->type_name("NEW");
  fresh->config.add_to(*command);
  command->add_flag("--force", fresh->force, "Replace the file if it is there");
  command->callback([fresh, &chosen] {
    chosen = [fresh](CommandContext& context) { new_config(*fresh, context); };
  });

  command = config->add_subcommand("keys", "Explain every key: default, allowed values, meaning");
  command->callback([&chosen] { chosen = print_keys; });
}

}  // namespace hsconas
