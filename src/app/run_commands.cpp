#include <memory>

#include <CLI/CLI.hpp>

#include "hsconas/app/commands.hpp"
#include "hsconas/app/torch_commands.hpp"

namespace hsconas {

namespace {

using WithoutTorch = PlainCommand (*)(const std::shared_ptr<RunCommandOptions>&);
using Entry = void (*TorchCommands::*)(const RunCommandOptions&, CommandContext&);

/// The options of --dry-run for a training by several processes.
void add_scaling_options(CLI::App& command, PlanOptions& plan, CLI::Option& dry_run) {
  const CLI::Validator is_number(
      [](const std::string& text) {
        return text.find_first_of("nN") == std::string::npos ? "" : text + " is not a number";
      },
      "");
  auto* processes = command
                        .add_option("--processes", plan.processes,
                                    "With --dry-run: predict a step by each number, e.g. 1,2,4")
                        ->type_name("N,...")
                        ->delimiter(',')
                        ->take_all()
                        ->allow_extra_args(false)
                        ->check(CLI::Range(1, 1'000'000))
                        ->needs(&dry_run);
  command
      .add_option("--link-gb", plan.link.gigabytes_per_second,
                  "With --processes: gigabytes per second between them (default 1.1)")
      ->type_name("GB/S")
      ->check(CLI::Range(1e-6, 1e6) & is_number)
      ->needs(processes);
  command
      .add_option("--link-us", plan.link.message_us,
                  "With --processes: microseconds of a small message (default 60)")
      ->type_name("US")
      ->check(CLI::Range(0.0, 1e9) & is_number)
      ->needs(processes);
}

void add_run_command(CLI::App& app, Command& chosen, const char* name, const char* help,
                     Entry entry, WithoutTorch without_torch = nullptr) {
  auto options = std::make_shared<RunCommandOptions>();
  CLI::App* command = app.add_subcommand(name, help);
  options->config.add_to(*command);
  auto* work_dir = command
                       ->add_option("-w,--work-dir", options->work_dir,
                                    "Folder for all files of the run (default: runs/<name>/<time>)")
                       ->type_name("DIR");
  auto* resume = command->add_flag("--resume", options->resume,
                                   "Continue the run in --work-dir, or start one if there is none");
  resume->needs(work_dir);  // The default folder is always new, so it has nothing to continue.
  command
      ->add_flag("--allow-changes", options->allow_changes,
                 "With --resume: accept a changed config or data set")
      ->needs(resume);
  command
      ->add_flag("--overwrite", options->overwrite,
                 "Remove the files of the run in --work-dir and start over")
      ->needs(work_dir)
      ->excludes(resume);
  CLI::Option* supernet = nullptr;
  if (entry == &TorchCommands::search || entry == &TorchCommands::shrink) {
    supernet = command
                   ->add_option("--supernet", options->supernet,
                                "Use the supernet that the run in RUN has trained")
                   ->type_name("RUN");
  }
  auto* dry_run =
      command->add_flag("-n,--dry-run", options->dry_run,
                        "Print the plan (space, steps, evaluations, memory, time) and exit");
  if (supernet != nullptr) supernet->excludes(dry_run);  // The plan is that of a whole search.
  if (entry != &TorchCommands::profile && entry != &TorchCommands::codesign) {
    add_scaling_options(*command, options->plan, *dry_run);
  }
  if (entry == &TorchCommands::profile) {
    auto* kit =
        command
            ->add_option("--export-kit", options->kit,
                         "Write models, and scripts to time them on another device, instead")
            ->type_name("DIR")
            ->excludes(work_dir);
    command->add_flag("--int8", options->int8, "The models of the kit compute with int8")
        ->needs(kit);
  }
  command->callback([options, entry, without_torch, &chosen] {
    chosen = [options, entry](const TorchCommands& torch, CommandContext& context) {
      (torch.*entry)(*options, context);
    };
    if (without_torch != nullptr) {
      chosen.without_torch = [options, without_torch] { return without_torch(options); };
    }
    chosen.waits = [options] { return options->config.load().cluster; };
  });
}

}  // namespace

void add_run_commands(CLI::App& app, Command& chosen) {
  add_run_command(app, chosen, "search",
                  "Find the most accurate network within the latency budget (all stages)",
                  &TorchCommands::search, known_search);
  add_run_command(app, chosen, "profile", "Only measure the latency table and test its accuracy",
                  &TorchCommands::profile);
  add_run_command(app, chosen, "train", "Only train the supernet", &TorchCommands::train);
  add_run_command(app, chosen, "shrink", "Run all stages up to shrinking the space",
                  &TorchCommands::shrink, known_shrink);
  add_run_command(app, chosen, "codesign", "Search a network and an accelerator design together",
                  &TorchCommands::codesign, known_codesign);
}

}  // namespace hsconas
