#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "hsconas/app/commands.hpp"
#include "hsconas/app/torch_commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/stages/work_dir.hpp"

namespace hsconas {

void FolderOptions::add_to(CLI::App& command, const char* help, bool is_required) {
  command.add_option("run", folder, help)->required(is_required)->type_name("RUN");
  config.add_to(command);
}

void FolderOptions::sort_out() {
  if (folder.find('=') == std::string::npos || std::filesystem::exists(folder)) return;
  config.bare.insert(config.bare.begin(), folder);
  folder.clear();
}

Config FolderOptions::load(const std::filesystem::path& where) {
  config.take_bare_file();
  const std::filesystem::path file =
      config.file.empty() ? WorkDir{where}.config() : std::filesystem::path(config.file);
  if (config.file.empty() && !std::filesystem::exists(file)) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: holds no config.json; name one with --config", where.string()));
  }
  return load_config(file, config.all_overrides());
}

void Int8Options::add_to(CLI::App& command, const char* help) {
  auto* flag = command.add_flag("--int8", is_wanted, help);
  command
      .add_option("--calibration-images", images,
                  "Training images that set the scales of int8 (default: 512)")
      ->check(CLI::Range(1, 100'000'000))
      ->type_name("N")
      ->needs(flag);
  command
      .add_option("--weight-bits", weight_bits,
                  "Bits of a weight: 7 (default) is exact on all processors, 8 on those that add "
                  "products of 8 bits without saturation")
      ->check(CLI::Range(4, 8))
      ->type_name("N")
      ->needs(flag);
}

namespace {

namespace fs = std::filesystem;

void add_retrain(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<RetrainOptions>();
  CLI::App* command =
      app.add_subcommand("retrain", "Train the winner of a search alone (config section retrain)");
  options->run.add_to(*command, "Folder of a finished search", false);
  command
      ->add_option("-a,--arch", options->arch,
                   "Architecture to train instead of the winner, as search prints it")
      ->type_name("ARCH");
  command->add_option("-o,--out", options->out, "Folder to work in (default: RUN/retrain)")
      ->type_name("DIR");
  command->add_flag("--from-supernet", options->from_supernet,
                    "Start from the supernet's weights (retrain.from_supernet)");
  auto* resume = command->add_flag("--resume", options->resume,
                                   "Continue an interrupted retraining, or start");
  command->add_flag("--overwrite", options->overwrite, "Remove the retraining and start over")
      ->excludes(resume);
  command->callback([options, &chosen] {
    chosen = [options](const TorchCommands& torch, CommandContext& context) {
      torch.retrain(*options, context);
    };
    chosen.waits = [options] {
      FolderOptions run = options->run;
      run.sort_out();
      run.config.take_bare_file();
      // A pipe can be read only once.
      if (fs::is_fifo(run.config.file) || fs::is_character_file(run.config.file)) {
        return ClusterConfig{};
      }
      return run.load(run.folder).cluster;
    };
  });
}

void add_evaluate(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<EvaluateOptions>();
  CLI::App* command = app.add_subcommand(
      "evaluate", "Test a trained network: accuracy, confusions by class, latency");
  options->run.add_to(*command, "Folder of a finished search, a retraining or a model", true);
  options->int8.add_to(*command, "Also test the network as int8");
  command->add_option("--batch", options->batch, "Images per timed inference (latency.batch)")
      ->check(CLI::Range(1, 65536))
      ->type_name("N");
  command->add_flag("--shared", options->shared,
                    "Use the supernet's weights even if there are retrained ones");
  command
      ->add_option("-o,--out", options->out,
                   "Folder for confusion.csv and evaluation.json (default: the model's)")
      ->type_name("DIR");
  command->callback([options, &chosen] {
    chosen = [options](const TorchCommands& torch, CommandContext& context) {
      torch.evaluate(*options, context);
    };
  });
}

void add_rank(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<RankOptions>();
  CLI::App* command =
      app.add_subcommand("rank", "Compare a supernet's ranking of networks with known accuracies");
  command->add_option("run", options->folder, "Folder of a run with a trained supernet")
      ->required()
      ->type_name("RUN");
  command
      ->add_option("settings", options->settings,
                   "How the networks are scored, instead of as in the run, e.g. "
                   "score.validation_images=5000")
      ->type_name("KEY=VALUE");
  command
      ->add_option("--accuracies", options->accuracies,
                   "CSV of accuracies of networks of the run's space (as score.accuracies)")
      ->required()
      ->type_name("CSV");
  command
      ->add_option("--accuracy-column", options->column,
                   "Column of the accuracies (default: accuracy)")
      ->type_name("NAME");
  command
      ->add_option("--networks", options->networks,
                   "Score this many of the networks, drawn at random (default: 500)")
      ->check(CLI::Range(4, 1'000'000))
      ->type_name("N");
  command
      ->add_option("--bins", options->bins,
                   "Also compare within this many bins of similar multiply-adds (default: 10)")
      ->check(CLI::Range(1, 10'000))
      ->type_name("N");
  command->add_flag("--tuned", options->tuned,
                    "Rank the networks that shrinking left, with the weights tuned to them");
  command->add_option("-o,--out", options->out, "CSV of the scored networks to write")
      ->type_name("FILE");
  command->callback([options, &chosen] {
    chosen = [options](const TorchCommands& torch, CommandContext& context) {
      torch.rank(*options, context);
    };
  });
}

void add_export(CLI::App& app, Command& chosen) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand(
      "export", "Write the trained network as ONNX, TorchScript and safetensors");
  options->run.add_to(*command, "Folder of a finished search, retraining or model", true);
  options->int8.add_to(*command, "Write ONNX with integers of 8 bits, and test it");
  command->add_option("--onnx", options->onnx, "ONNX file to write")->type_name("FILE");
  command->add_option("--torchscript", options->torchscript, "TorchScript archive to write")
      ->type_name("FILE");
  command
      ->add_option("--safetensors", options->safetensors,
                   "Weights to write, with architecture.json in the same folder")
      ->type_name("FILE");
  command->add_flag("--shared", options->shared,
                    "Use the supernet's weights even if there are retrained ones");
  command->footer(
      "If no file is named, all three are written to RUN/export, or with --int8 only "
      "model.int8.onnx. --int8 reads the run's data set; the config and its overrides are for "
      "that.");
  command->callback([options, &chosen] {
    chosen = [options](const TorchCommands& torch, CommandContext& context) {
      torch.export_model(*options, context);
    };
  });
}

}  // namespace

void add_model_commands(CLI::App& app, Command& chosen) {
  add_retrain(app, chosen);
  add_evaluate(app, chosen);
  add_rank(app, chosen);
  add_export(app, chosen);
}

}  // namespace hsconas
