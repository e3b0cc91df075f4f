#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "entries.hpp"
#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/output_file.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/deploy/deployed_model.hpp"
#include "hsconas/deploy/export.hpp"
#include "hsconas/pipeline/retraining.hpp"
#include "hsconas/pipeline/trained_model.hpp"
#include "hsconas/stages/result.hpp"
#include "hsconas/stages/run_kind.hpp"
#include "hsconas/stages/work_dir.hpp"
#include "hsconas/supernet/device.hpp"
#include "tested_model.hpp"

namespace hsconas {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// --- retrain -------------------------------------------------------------------------------------

bool is_finished_search(const fs::path& folder) {
  const WorkDir dir{folder};
  return fs::exists(dir.stages()) && StageRecord(dir.stages()).has("search");
}

/// Throws Error(Usage) when the config has another space than the run, because the winner's
/// architecture cannot be decoded in it.
void check_space(const Config& config, const ResultRecord& result) {
  if (config.space.name != result.space) {
    throw Error(ErrorKind::Usage,
                fmt::format("the run searched space {}, not {}; name an architecture with --arch",
                            result.space, config.space.name));
  }
}

/// With --resume, RUN or --out may also be the folder of the retraining itself. Its config and its
/// architecture are then taken from there, and the run is the folder around it if that is a
/// finished search.
void find_own_folder(RetrainOptions& options) {
  std::string& run = options.run.folder;
  if (!options.resume || !options.run.config.file.empty()) return;
  if (!run.empty() && !options.out.empty()) return;
  const std::string folder = run.empty() ? options.out : run;
  if (folder.empty()) return;
  const auto begun = begun_retraining(folder);
  if (!begun) return;
  const fs::path parent = fs::absolute(folder).lexically_normal().parent_path();
  const fs::path outside = fs::path(folder).has_filename() ? parent : parent.parent_path();
  run = is_finished_search(outside) ? outside.string() : "";
  if (run.empty() && begun->needs_run) {
    throw Error(ErrorKind::Usage,
                fmt::format("the retraining in {0} needs the weights of its search: name that run, "
                            "hsconas retrain RUN --out {0} --resume",
                            folder));
  }
  options.out = folder;
  if (options.arch.empty()) options.arch = begun->arch;
  options.run.config.file = WorkDir{folder}.config();
}

}  // namespace

void run_retrain(RetrainOptions options, CommandContext& context) {
  options.run.sort_out();
  if (options.from_supernet) options.run.config.set.push_back("retrain.from_supernet=true");
  options.run.config.take_bare_file();
  find_own_folder(options);
  const fs::path run = options.run.folder;
  if (run.empty() && (options.run.config.file.empty() || options.arch.empty())) {
    throw Error(ErrorKind::Usage,
                "retrain needs the folder of a finished search, or --config and --arch");
  }
  if (run.empty() && options.out.empty()) {
    throw Error(ErrorKind::Usage,
                "retrain without RUN needs a folder to work in: name it with --out");
  }
  if (!run.empty()) {
    find_model(run, ModelChoice::Shared);  // Throws if the search is not finished.
    const WorkDir dir{.root = run, .lock = nullptr};
    if (kind_of(dir) == RunKind::Codesign) {
      throw Error(ErrorKind::Data, run.string() + ": " + why_no_search(dir));
    }
  }
  fs::path out = options.out;
  if (out.empty()) {
    out = options.arch.empty() ? WorkDir{run}.retraining() : run / ("retrain-" + options.arch);
  }
  // A retraining that is continued keeps the settings with which it was begun.
  if (options.resume && options.run.config.file.empty() && begun_retraining(out)) {
    options.run.config.file = WorkDir{out}.config();
  }
  RetrainRequest request{.config = options.run.load(run), .arch = {}, .run = run};
  require_same_config(*context.group, request.config);
  const SearchSpace space(request.config.space);
  std::string arch = options.arch;
  if (arch.empty()) {
    const ResultRecord result = load_result(WorkDir{run}.result());
    check_space(request.config, result);
    arch = result.winner.arch;
  }
  request.arch = space.decode(arch);
  const auto mode = options.resume      ? WorkDirMode::Resume
                    : options.overwrite ? WorkDirMode::Overwrite
                                        : WorkDirMode::Fresh;
  stop_on_closed_pipe();
  const GroupFiles files(context.group);
  const RetrainRecord result =
      retrain(request, WorkDir::open(out, mode, false, files), context.log, context.stop);
  files.on_root([&] { print(context, to_json(result), format_retrain_record(result)); });
  context.log.info("all files of this retraining are in " + out.string());
}

// --- export --------------------------------------------------------------------------------------

namespace {

void make_folder_of(const fs::path& file) {
  if (file.has_parent_path()) make_folder(file.parent_path());
}

/// Throws Error(Usage) for options that do not go together.
void check_options(const ExportOptions& options) {
  check_different({{"--onnx", options.onnx},
                   {"--torchscript", options.torchscript},
                   {"--safetensors", options.safetensors}});
  const ConfigOptions& config = options.run.config;
  if (!options.int8.is_wanted) {
    if (config.file.empty() && config.all_overrides().empty()) return;
    throw Error(ErrorKind::Usage,
                "export reads a config for --int8 only: add --int8, or leave out --config and "
                "the settings");
  }
  for (const auto& [name, file] : {std::pair("--torchscript", &options.torchscript),
                                   {"--safetensors", &options.safetensors}}) {
    if (file->empty()) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("{0} has no int8 form, only ONNX has: leave out {0}, or write it by "
                            "an export without --int8",
                            name));
  }
}

/// Tests the network in fp32 and as int8, writes the ONNX file and int8.json, which lies beside the
/// model or, if that is impossible, beside the ONNX file.
void export_int8(const ExportOptions& options, const fs::path& folder, const DeployedModel& model,
                 CommandContext& context) {
  if (model.weights == kCompressedWeights && is_there(folder / kInt8File)) {
    throw Error(
        ErrorKind::Usage,
        fmt::format("{}: the co-design has made this network int8, with bits of its own for "
                    "each block: take export/model.int8.onnx in that folder, or export "
                    "without --int8",
                    folder.string()));
  }
  FolderOptions run = options.run;
  const Config config = run.load(folder);
  set_threads(config.device.threads);
  const fs::path file = options.onnx.empty()
                            ? fs::path(options.run.folder) / "export" / "model.int8.onnx"
                            : fs::path(options.onnx);
  const fs::path record = (can_write(folder) ? folder : file.parent_path()) / kInt8File;
  const Int8Model int8 = make_int8(model, config, int8_settings(options.int8), context.log);
  make_folder_of(file);  // Before the test, which takes longer.
  const TestedModel test = test_model(model, &int8, config, context);
  write_onnx(file, model, int8);
  write_json(record, describe_int8(model, int8, test.fp32, *test.int8));
  print(context,
        {{"model", folder.string()},
         {"weights", model.weights},
         {"files", {file.string(), record.string()}},
         {"int8", int8_json(test, int8)}},
        fmt::format("{} ({} weights) from {}\n{}{}\n{}\n",
                    SearchSpace(model.space).encode(model.arch), model.weights, folder.string(),
                    int8_text(test, int8), file.string(), record.string()));
}

void export_fp32(ExportOptions options, const fs::path& folder, const DeployedModel& model,
                 CommandContext& context) {
  if (options.onnx.empty() && options.torchscript.empty() && options.safetensors.empty()) {
    const fs::path out = fs::path(options.run.folder) / "export";
    options.onnx = out / "model.onnx";
    options.torchscript = out / "model.pt";
    options.safetensors = out / kModelFile;
  }
  json files = json::array();
  const auto write = [&files](const std::string& name, auto writer) {
    if (name.empty()) return;
    make_folder_of(name);
    writer(fs::path(name));
    files.push_back(name);
  };
  write(options.onnx, [&](const fs::path& file) { write_onnx(file, model); });
  write(options.torchscript, [&](const fs::path& file) { write_torchscript(file, model); });
  write(options.safetensors, [&](const fs::path& file) {
    save_model(file, model);
    files.push_back((file.parent_path() / kArchitectureFile).string());
  });
  std::string text =
      fmt::format("{} ({} weights) from {}\n", SearchSpace(model.space).encode(model.arch),
                  model.weights, folder.string());
  for (const json& file : files) text += file.get<std::string>() + "\n";
  print(context, {{"model", folder.string()}, {"weights", model.weights}, {"files", files}}, text);
}

}  // namespace

void run_export(ExportOptions options, CommandContext& context) {
  check_options(options);
  const fs::path folder =
      find_model(options.run.folder, options.shared ? ModelChoice::Shared : ModelChoice::Best);
  const DeployedModel model = load_model(folder);
  if (options.int8.is_wanted) {
    export_int8(options, folder, model, context);
  } else {
    export_fp32(std::move(options), folder, model, context);
  }
}

}  // namespace hsconas
