#include <memory>

#include <CLI/CLI.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/app/torch_commands.hpp"

namespace hsconas {

void add_doctor_command(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<ConfigOptions>();
  CLI::App* command = app.add_subcommand(
      "doctor", "Examine this machine and, with --config, how a search would run on it");
  options->add_to(*command);
  command->callback([options, &chosen] {
    chosen = [options](const TorchCommands& torch, CommandContext& context) {
      torch.doctor(*options, context);
    };
  });
}

}  // namespace hsconas
