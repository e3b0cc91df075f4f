#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hsconas/app/commands.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/cluster/join_group.hpp"
#include "hsconas/pipeline/scaling.hpp"
#include "hsconas/space/search_space.hpp"
#include "hsconas/stages/work_dir.hpp"

// The seam between the program, which parses command lines, and the module hsconas_torch.so with
// all code that needs LibTorch.

namespace hsconas {

/// The options of search, profile, train, shrink and codesign.
struct RunCommandOptions {
  ConfigOptions config;
  std::string work_dir;
  std::string supernet;  ///< Work directory of a run whose supernet is taken.
  std::string kit;       ///< Folder of an edge kit to write instead of measuring.
  bool int8 = false;     ///< The kit holds int8 models.
  bool resume = false;
  bool allow_changes = false;
  bool overwrite = false;
  bool dry_run = false;
  PlanOptions plan;  ///< Of --dry-run.
};

/// Opens the work directory of a command as its options say or, if they name none, a new folder
/// runs/<name>/<time>. Throws what WorkDir::open() throws.
WorkDir open_work_dir(const RunCommandOptions& options, const Config& config,
                      const GroupFiles& files);

/// What a run command does on known accuracies, without LibTorch; an empty function if its config
/// names none. Each reads the config.
PlainCommand known_search(const std::shared_ptr<RunCommandOptions>& options);
PlainCommand known_shrink(const std::shared_ptr<RunCommandOptions>& options);
PlainCommand known_codesign(const std::shared_ptr<RunCommandOptions>& options);

/// A folder and its config, which is config.json in the folder unless --config names another.
struct FolderOptions {
  std::string folder;
  ConfigOptions config;

  void add_to(CLI::App& command, const char* help, bool is_required);
  /// Moves `folder` to the overrides if it is key=value: CLI11 takes the first one for the folder
  /// when the folder is left out.
  void sort_out();
  Config load(const std::filesystem::path& where);
};

struct RetrainOptions {
  FolderOptions run;
  std::string arch, out;
  bool from_supernet = false;
  bool resume = false;
  bool overwrite = false;
};

/// The options of evaluate and export with which they round the network to int8.
struct Int8Options {
  bool is_wanted = false;
  int images = 0;       ///< Images to calibrate with; 0: the default of Int8Settings.
  int weight_bits = 0;  ///< Bits of a weight; 0: the default of Int8Settings.

  void add_to(CLI::App& command, const char* help);
};

struct EvaluateOptions {
  FolderOptions run;
  Int8Options int8;
  std::string out;
  int batch = 0;
  bool shared = false;
};

struct RankOptions {
  std::string folder, accuracies;
  std::string column = ScoreConfig{}.accuracy_column;
  std::vector<std::string> settings;  ///< Words key=value that replace settings of the run.
  std::string out;                    ///< CSV to write; empty: none.
  int networks = 500;                 ///< At most.
  int bins = 10;
  bool tuned = false;  ///< After shrinking: its weights and the networks that it left.
};

struct ExportOptions {
  FolderOptions run;
  Int8Options int8;
  std::string onnx, torchscript, safetensors;
  bool shared = false;
};

/// The functions of the module. They may throw exceptions of LibTorch.
struct TorchCommands {
  void (*search)(const RunCommandOptions&, CommandContext&);
  void (*profile)(const RunCommandOptions&, CommandContext&);
  void (*train)(const RunCommandOptions&, CommandContext&);
  void (*shrink)(const RunCommandOptions&, CommandContext&);
  void (*codesign)(const RunCommandOptions&, CommandContext&);
  void (*retrain)(RetrainOptions, CommandContext&);
  void (*evaluate)(EvaluateOptions, CommandContext&);
  void (*rank)(RankOptions, CommandContext&);
  void (*export_model)(ExportOptions, CommandContext&);
  void (*doctor)(ConfigOptions, CommandContext&);

  /// For predict --measure: the name of a device, and the milliseconds of networks per batch.
  std::string (*describe_device)(const std::string& name);
  std::vector<double> (*time_networks)(const Config&, const SearchSpace&,
                                       std::span<const Architecture>, int batch, CommandContext&);

  /// join_group(), and the choice of this process' GPU.
  std::shared_ptr<ProcessGroup> (*join)(const ProcessLaunch&, const StopToken&, const JoinOptions&);
  /// The message of the exception that is being handled if it is one of LibTorch; with `backtrace`,
  /// it says where the exception was thrown.
  std::optional<std::string> (*message_of_torch)(bool backtrace);
};

/// Loads the module and LibTorch, which takes about half a second. Throws Error(Device) with the
/// reason if that does not work.
const TorchCommands& load_torch_commands();

/// The module's only symbol that the program looks up.
extern "C" const TorchCommands* hsconas_torch_commands();

}  // namespace hsconas
