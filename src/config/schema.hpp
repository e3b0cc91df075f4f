#pragma once

#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "hsconas/config/config.hpp"
#include "hsconas/config/latency_keys.hpp"
#include "hsconas/config/methods.hpp"
#include "hsconas/config/stage_set.hpp"

namespace hsconas {

/// What a value may be, and what it changes. A range is closed on both sides.
struct Allowed {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::vector<std::string> words{};  ///< For text: the only words that count.
  bool is_path = false;              ///< For text: names a file or a folder.
  /// The stages that another value changes, apart from those that use their outputs; where it is
  /// not said, those of the section.
  std::optional<StageSet> stages{};
  /// Stages depend on something derived from the value, not on the value as it is written: on the
  /// content of a file, on T in milliseconds, on the precision that "auto" means on the device.
  bool is_resolved = false;
  /// Another value needs --allow-changes even where no stage runs again.
  bool is_guarded = false;

  Allowed changing(StageSet changed) && {
    stages = changed;
    return std::move(*this);
  }
  /// Another value changes no result.
  Allowed harmless() && { return std::move(*this).changing({}); }
  Allowed resolved() && {
    is_resolved = true;
    return std::move(*this);
  }
  Allowed guarded() && {
    is_guarded = true;
    return std::move(*this);
  }
};

/// The values in words: "[0, 1]", ">= 2", "linear, cosine"; empty where any will do.
std::string text_of(const Allowed& allowed);

inline Allowed anything() {
  return {};
}

inline Allowed range(double low, double high) {
  return {.low = low, .high = high};
}
inline Allowed at_least(double low) {
  return {.low = low};
}
template <typename Enum>
Allowed words() {
  return {.words = words_of<Enum>()};
}
/// A relative one counts from the folder of the config file it stands in. Stages depend on what the
/// file or folder holds, not on its name.
inline Allowed a_path() {
  return {.is_path = true, .is_resolved = true};
}

/// A value as it stands in JSON: an enum is its word.
template <typename T>
nlohmann::json value_of(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return word_of(value);
  } else {
    return value;
  }
}

/// The words of a table of methods.
inline Allowed one_method_of(const std::vector<MethodWord>& methods) {
  Allowed allowed;
  for (const MethodWord& method : methods) allowed.words.push_back(method.word);
  return allowed;
}
/// "evolution: children of ...; random: ...".
inline std::string meanings(const std::vector<MethodWord>& methods) {
  std::string text;
  for (const MethodWord& method : methods) {
    text += (text.empty() ? "" : "; ") + method.word + ": " + method.meaning;
  }
  return text;
}

/// The config described once. A visitor is called as visitor(key, member, allowed, meaning) for a
/// value, and as visitor.section(key, member, stages) for a part that has a description of its own:
/// its keys change `stages`, unless a key says otherwise. Reading, writing, explaining and what
/// stages depend on are visitors.
template <typename Visitor>
void describe(Visitor& v, DeviceConfig& c) {
  v("type", c.type,
    anything()
        .changing({StageId::Latency, StageId::Supernet, StageId::Shrink, StageId::Search,
                   StageId::Dance, StageId::Codesign, StageId::Retrain})
        .resolved()
        .guarded(),
    "cpu, cuda or cuda:N");
  v("threads", c.threads, range(0, 1024).guarded(), "CPU threads; 0 is one per core");
}

template <typename Visitor>
void describe(Visitor& v, DataConfig& c) {
  v("format", c.format, words<DataFormat>(),
    "layout of the data set; folder has train/ and val/ (or test/) with a folder per class");
  v("path", c.path, a_path(), "folder of the data set; unused by builtin");
  v("augment", c.augment, words<Augment>(),
    "small: pad, crop, flip; shift: pad, crop; imagenet: random resized crop, colour, flip");
  v("holdout_images", c.holdout_images, range(1, 1e8),
    "training images set aside to score candidates");
  v("train_images", c.train_images, range(0, 1e9), "use only so many of the rest; 0 is all");
  v("test_images", c.test_images,
    range(0, 1e9).changing({StageId::Search, StageId::Dance, StageId::Retrain}),
    "use only so many test images; 0 is all");
  v("workers", c.workers, range(0, 1024).harmless(), "decoding threads; 0 is one per core");
  v("memory_mb", c.memory_mb, range(0, 1e7).harmless(),
    "a decoded set up to this size stays in memory, and in a GPU's as well");
  v("mean", c.mean, range(0, 1), "per channel, of pixels in [0, 1]; empty: measured");
  v("std", c.std, range(1e-6, 1), "per channel; empty: measured");
}

template <typename Visitor>
void describe(Visitor& v, LatencyConfig& c) {
  v("target_ms", c.target_ms, range(0, 1e9).changing({StageId::Shrink, StageId::Search}).resolved(),
    "latency budget T per batch; 0: by target_position");
  v("target_position", c.target_position,
    range(0, 1).changing({StageId::Shrink, StageId::Search}).resolved(),
    "T between the fastest (0) and the slowest (1) predicted network");
  v("device", c.device, anything().changing({StageId::Latency, StageId::Search}).resolved(),
    "as device.type; empty: the same");
  v("batch", c.batch, range(1, 65536), "images per timed run");
  v("threads", c.threads, range(1, 1024).changing({StageId::Latency, StageId::Search}),
    "CPU threads of a timed run");
  v("cuda", c.cuda, words<Launch>().changing({StageId::Latency, StageId::Search}).resolved(),
    "on a GPU: replay passes as CUDA graphs, or launch kernel by kernel; auto: as the table was "
    "measured, else graph");
  v("precision", c.precision,
    words<TimedPrecision>().changing({StageId::Latency, StageId::Search}).resolved(),
    "of a timed run; tf32 and fp16 on a GPU only");
  v("table", c.table, a_path(), meaning_of_latency_key("table") + "; empty: measure one");
  v("accelerator", c.accelerator, a_path(),
    meaning_of_latency_key("accelerator") + "; empty: none");
  v("cpus", c.cpus, range(0, 4095).changing({StageId::Latency, StageId::Search}),
    "CPUs that timed threads are bound to; empty: any");
  v("rounds", c.rounds, range(3, 10000).changing({StageId::Latency, StageId::Search}),
    "timings per entry and network, at least");
  v("interval_percent", c.interval_percent, range(0, 100),
    "more timings until half the 90 % interval is this narrow");
  v("budget_minutes", c.budget_minutes, range(0, 1e5), "time for the whole table");
  v("sample_ms", c.sample_ms, range(0, 10000), "shortest timing; runs repeat until it is reached");
  v("bias_networks", c.bias_networks, range(1, 100000), "networks the correction is fitted on");
  v("test_networks", c.test_networks, range(2, 100000),
    "others it is judged on: so many random ones, and as many spread over the latency range");
}

template <typename Visitor>
void describe(Visitor& v, SupernetConfig& c) {
  v("batch", c.batch, range(1, 1e6), "images per training step");
  v("epochs", c.epochs, range(0.001, 1e6), "passes over the training images");
  v("lr", c.lr, range(1e-9, 1e3), "first learning rate");
  v("warmup_epochs", c.warmup_epochs, range(0, 1e6), "linear rise from 0 to lr");
  v("schedule", c.schedule, words<Schedule>(), "how the rate falls to 0");
  v("momentum", c.momentum, range(0, 0.9999), "of SGD");
  v("weight_decay", c.weight_decay, range(0, 1), "on convolution and linear weights");
  v("label_smoothing", c.label_smoothing, range(0, 0.999), "of the cross entropy");
  v("clip_norm", c.clip_norm, range(0, 1e9), "largest gradient norm; 0 is unlimited");
  v("precision", c.precision, words<Precision>(),
    "of activations while training: fp32 or bf16; auto is fp32 on a CPU and bf16 on a GPU");
}

template <typename Visitor>
void describe(Visitor& v, RetrainConfig& c) {
  describe(v, static_cast<SupernetConfig&>(c));
  v("average_decay", c.average_decay, range(0, 0.999999),
    "of the moving average of the weights, per step; 0 keeps none");
  v("from_supernet", c.from_supernet, {}, "start from the supernet's weights, not random ones");
  v("use_holdout", c.use_holdout, {}, "train on the held-out images too");
  v("distillation", c.distillation, range(0, 1),
    "weight of a teacher's answers in the loss; 0 is no teacher");
  v("temperature", c.temperature, range(0.01, 100), "softens the teacher's answers");
  v("teacher", c.teacher, a_path(),
    "folder of a trained model; empty: the largest network, with the supernet's weights");
}

/// The stages that use accuracies of candidates.
inline constexpr StageSet kJudged{StageId::Shrink, StageId::Search, StageId::Dance,
                                  StageId::Codesign};
inline constexpr StageSet kJudgedAndRetrained = kJudged | StageSet{StageId::Retrain};

template <typename Visitor>
void describe(Visitor& v, ScoreConfig& c) {
  v("beta", c.beta, range(-1000, 0).changing({StageId::Shrink, StageId::Search, StageId::Dance}),
    "weight of the latency penalty in F");
  v("calibration_images", c.calibration_images, range(2, 1e8).changing(kJudgedAndRetrained),
    "training images for batch norm statistics");
  v("validation_images", c.validation_images, range(0, 1e8),
    "held-out images accuracy is taken on; 0 is all");
  v("batch", c.batch, range(2, 65536).changing(kJudgedAndRetrained), "images per forward pass");
  v("precision", c.precision, words<Precision>(),
    "of activations: fp32 or fp16, on a GPU bf16 too; auto is fp32 on a CPU and fp16 on a GPU");
  v("memory_mb", c.memory_mb, range(0, 1e7).harmless(),
    "activations that candidates share are kept up to this size");
}

template <typename Visitor>
void describe(Visitor& v, ShrinkConfig::Stage& c) {
  v("layers", c.layers, range(1, 1000), "layers this stage decides");
  v("tune_epochs", c.tune_epochs, range(0, 1e6), "supernet training afterwards");
  v("lr", c.lr, range(1e-9, 1e3), "its first learning rate");
}

template <typename Visitor>
void describe(Visitor& v, ShrinkConfig& c) {
  v("samples", c.samples, range(1, 1e6), "architectures per operator that Q is the mean of");
  v.list("stages", c.stages, "from the last layer to the first");
}

template <typename Visitor>
void describe(Visitor& v, SearchConfig& c) {
  v("method", c.method, one_method_of(search_method_words()), meanings(search_method_words()));
  v("seed", c.seed, at_least(0), "varies the search alone");
  v("population", c.population, range(2, 1e6), "architectures per generation");
  v("generations", c.generations, range(0, 1e6), "after the first");
  v("parents", c.parents, range(1, 1e6), "best architectures that have children");
  v("crossover_probability", c.crossover_probability, range(0, 1), "that a child has two parents");
  v("mutation_probability", c.mutation_probability, range(0, 1),
    "per layer, for operator and width alike");
  v("latency_tolerance", c.latency_tolerance, range(0.001, 1e6).changing({StageId::Search}),
    "candidates keep |latency / T - 1| within this");
  v("racing", c.racing, range(0.5, 1).changing({StageId::Search}),
    "confidence, over all looks at a candidate, at which one that cannot become a parent is judged "
    "no further; 1: never");
  v("baseline_samples", c.baseline_samples, range(1, 1e6).changing({StageId::Search}),
    "random architectures near T to compare with");
}

template <typename Visitor>
void describe(Visitor& v, LogConfig& c) {
  v("tensorboard", c.tensorboard, {}, "also write the curves as a TensorBoard event file");
}

template <typename Visitor>
void describe(Visitor& v, DanceConfig& c) {
  v("cost", c.cost, words<CostKind>(), "edap: energy x delay x area; linear: their weighted sum");
  v("latency_weight", c.latency_weight, range(0, 1e6), "of linear, relative to random pairs");
  v("energy_weight", c.energy_weight, range(0, 1e6), "of linear, relative to random pairs");
  v("area_weight", c.area_weight, range(0, 1e6), "of linear, relative to random pairs");
  v("cost_width", c.cost_width, range(1, 65536), "neurons per layer of the cost network");
  v("generator_width", c.generator_width, range(1, 65536),
    "neurons per layer of the hardware generation network");
  v("cost_steps", c.cost_steps, range(1, 1e9), "of training");
  v("generator_steps", c.generator_steps, range(1, 1e9), "of training");
  v("generator_networks", c.generator_networks, range(1, 1e8),
    "random networks whose best design is found by trying all");
  v("test_networks", c.test_networks, range(2, 1e6).changing({StageId::Dance}),
    "others that both are judged on");
  v("batch", c.batch, range(1, 1e6), "pairs or networks per training step of both");
  v("evaluator_lr", c.evaluator_lr, range(1e-9, 10), "first learning rate of both, to 0");
  v("penalty", c.penalty, words<Penalty>().changing({StageId::Dance}),
    "macs and none are baselines");
  v("penalty_weight", c.penalty_weight, range(0, 1e6).changing({StageId::Dance}),
    "lambda_2: of the penalty, relative to that of random networks, beside the cross entropy");
  v("warmup_epochs", c.warmup_epochs, range(0, 1e6).changing({StageId::Dance}),
    "over which that weight rises from 0");
  v("choice_lr", c.choice_lr, range(1e-9, 10).changing({StageId::Dance}),
    "of the architecture parameters");
  v("choice_every", c.choice_every, range(1, 1e6).changing({StageId::Dance}),
    "training steps per step of these");
  v("temperature", c.temperature, range(1e-3, 1e3).changing({StageId::Dance}),
    "of the softmax that they learn through");
}

template <typename Visitor>
void describe(Visitor& v, CodesignConfig& c) {
  v("method", c.method, one_method_of(codesign_method_words()), meanings(codesign_method_words()));
  v("designs", c.designs, a_path().changing({StageId::CostNetworks, StageId::Codesign}),
    "file of the accelerators to choose from, see configs/designs");
  v("accuracies", c.accuracies, a_path(),
    "CSV with the columns arch and accuracy_column; empty: the supernet judges");
  v("accuracy_column", c.accuracy_column, {},
    "its column; in percent where a value is above 1, else a fraction");
  v("batch", c.batch, range(1, 65536).changing({StageId::CostNetworks, StageId::Codesign}),
    "images a design works on at a time");
  v("max_latency_ms", c.max_latency_ms, range(0, 1e12), "per batch; 0 is no limit");
  v("max_energy", c.max_energy, range(0, 1e30),
    "per batch, in the unit of the designs' energy table; 0 is no limit");
  v("max_area_mm2", c.max_area_mm2, range(0, 1e9), "of the chip; 0 is no limit");
  v("max_power_mw", c.max_power_mw, range(0, 1e12),
    "energy over latency, for energy tables in pJ; 0 is no limit");
  v("proxy", c.proxy, {}, "name of the design that stage 1 works on; empty: the middle one");
  v("limit_levels", c.limit_levels, range(0, 1000),
    "limits per metric that stage 1 solves for; 0: all of a table's networks, 5 with a supernet");
  v("set_size", c.set_size, range(0, 1e6), "most networks that reach stage 2; 0 is all");
  v("rank_networks", c.rank_networks, range(3, 1e6),
    "networks on which the designs' rankings are compared");
  v("rank_warning", c.rank_warning, range(-1, 1), "warns where Spearman with the proxy is below");
  v("exhaustive_pairs", c.exhaustive_pairs, range(0, 1e12),
    "up to so many pairs of a table's networks and designs, coupled tries them all");
  v.section("dance", c.dance, {StageId::CostNetworks, StageId::Dance});
  v("pairs_written", c.pairs_written, range(0, 1e7),
    "most lines of pairs.csv; beyond them only the front");
}

template <typename Visitor>
void describe(Visitor& v, Config& c) {
  v("name", c.name, anything().harmless(), "of the run; default: the config file's");
  v("seed", c.seed,
    at_least(0).changing({StageId::Latency, StageId::Supernet, StageId::CostNetworks,
                          StageId::Dance, StageId::Codesign, StageId::Retrain}),
    "of everything random");
  v("checkpoint_minutes", c.checkpoint_minutes, range(0, 1e6).harmless(),
    "training state is saved at least this often");
  v("checkpoint_steps", c.checkpoint_steps, range(0, 1e9).harmless(),
    "and after so many steps; 0 is by time alone");
  v.section("device", c.device, {});
  v.section("data", c.data, {StageId::Supernet, StageId::Dance, StageId::Retrain});
  v.section("latency", c.latency, {StageId::Latency});
  v.section("supernet", c.supernet, {StageId::Supernet, StageId::Dance});
  v.section("score", c.score, kJudged);
  v.section("shrink", c.shrink, {StageId::Shrink});
  v.section("search", c.search, {StageId::Search, StageId::Codesign});
  v.section("retrain", c.retrain, {StageId::Retrain});
  v.section("codesign", c.codesign, {StageId::Codesign});
  v.section("log", c.log, {});
}

}  // namespace hsconas
