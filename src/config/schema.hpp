#pragma once

#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "hsconas/base/shipped_files.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/config/latency_keys.hpp"
#include "hsconas/config/method_table.hpp"
#include "hsconas/config/methods.hpp"
#include "hsconas/config/stage_set.hpp"
#include "hsconas/config/supernet_methods.hpp"

namespace hsconas {

/// The values that a key allows, and the stages that a change of its value affects. A range
/// includes both ends.
struct Allowed {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::vector<std::string> words{};  ///< For text: the only words allowed; empty: any.
  bool is_path = false;              ///< For text: names a file or a folder.
  /// The kind of shipped file that a path may name without its folder; none: no kind.
  std::optional<Shipped> shipped{};
  /// The stages whose own output depends on the value; stages that use those outputs follow. If
  /// unset, the stages of the section.
  std::optional<StageSet> stages{};
  /// True if stages depend on something derived from the value and not on the value as written:
  /// the content of a file, T in milliseconds, the precision that "auto" means on the device.
  bool is_resolved = false;
  /// True if a change of the value needs --allow-changes even when it makes no stage run again.
  bool is_guarded = false;
  /// For a key that was added after runs had been recorded without it: the value that stands for
  /// what the program did before. The inputs of a stage leave the key out at this value, so that
  /// those runs continue.
  std::optional<nlohmann::json> value_before{};

  Allowed changing(StageSet changed) && {
    stages = changed;
    return std::move(*this);
  }
  /// Marks a key whose value affects no result.
  Allowed harmless() && { return std::move(*this).changing({}); }
  Allowed resolved() && {
    is_resolved = true;
    return std::move(*this);
  }
  Allowed guarded() && {
    is_guarded = true;
    return std::move(*this);
  }
  Allowed or_shipped(Shipped kind) && {
    shipped = kind;
    return std::move(*this);
  }
  Allowed added_with(nlohmann::json value) && {
    value_before = std::move(value);
    return std::move(*this);
  }
};

/// The allowed values as text: "[0, 1]", ">= 2", "linear, cosine"; empty if every value is allowed.
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
/// A path of a file or folder. A relative path counts from the folder of the config file that names
/// it. Stages depend on the content of the file or folder, not on its name.
inline Allowed a_path() {
  return {.is_path = true, .is_resolved = true};
}

/// The value as JSON; an enumerator becomes its word.
template <typename T>
nlohmann::json value_of(const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return word_of(value);
  } else {
    return value;
  }
}

/// Allows the names of `methods` and nothing else.
inline Allowed one_method_of(const std::vector<MethodWord>& methods) {
  Allowed allowed;
  for (const MethodWord& method : methods) allowed.words.push_back(method.word);
  return allowed;
}
/// Every method with its meaning, such as "evolution: children of ...; random: ...".
inline std::string meanings(const std::vector<MethodWord>& methods) {
  std::string text;
  for (const MethodWord& method : methods) {
    text += (text.empty() ? "" : "; ") + method.word + ": " + method.meaning;
  }
  return text;
}

/// The overloads of describe() list every key of the config once, for all uses: reading, writing,
/// explaining, and finding out what a stage depends on are visitors. A visitor is called as
/// visitor(key, member, allowed, meaning) for a value, as visitor.section(key, member, stages) for
/// a section with its own describe(), as visitor.list(key, items, meaning) for a list of sections,
/// and as visitor.by_name(key, items, meaning) for sections whose names the user chooses: an object
/// in JSON, a list sorted by the member `name` in the config. A change of a key of a section
/// affects `stages`, unless the key says otherwise. `meaning` is one line that `hsconas config
/// keys` prints.
template <typename Visitor>
void describe(Visitor& v, DeviceConfig& c) {
  v("type", c.type,
    anything()
        .changing({StageId::Latency, StageId::Supernet, StageId::Shrink, StageId::Search,
                   StageId::Dance, StageId::Codesign, StageId::Retrain})
        .resolved()
        .guarded(),
    "device that trains and scores: cpu, cuda (the first GPU, or one for each process) or cuda:N "
    "(GPU N, from 0)");
  v("threads", c.threads, range(0, 1024).guarded(),
    "CPU threads for training and scoring; 0: one per CPU that the process may use");
}

template <typename Visitor>
void describe(Visitor& v, ClusterConfig& c) {
  v("timeout", c.timeout, range(1, 86400).harmless(),
    "seconds that a process of a run waits for another one before it counts as lost");
  v("join", c.join, range(1, 86400).harmless(),
    "seconds that the processes of a run wait for each other at the start");
  v("mixed", c.mixed, anything().harmless(),
    "whether the processes of a run may compute on different kinds of CPUs or GPUs; the result "
    "then "
    "depends on which of them computes what");
}

template <typename Visitor>
void describe(Visitor& v, DataConfig& c) {
  v("format", c.format, words<DataFormat>(),
    "layout of the data set; builtin: generated images; folder: train/ and val/ (or test/), each "
    "with one folder per class");
  v("path", c.path, a_path(), "folder of the data set; ignored if data.format is builtin");
  v("augment", c.augment, words<Augment>(),
    "random changes to training images; small: pad, crop, flip; shift: pad, crop; imagenet: "
    "resized crop, colour, flip");
  v("holdout_images", c.holdout_images, range(1, 1e8),
    "training images set aside to score candidates; the supernet does not train on them");
  v("train_images", c.train_images, range(0, 1e9),
    "training images to use after the held-out ones are set aside; 0: all");
  v("test_images", c.test_images,
    range(0, 1e9).changing({StageId::Search, StageId::Dance, StageId::Retrain}),
    "test images to use; 0: all");
  v("workers", c.workers, range(0, 1024).harmless(),
    "threads that decode images; 0: one per CPU that the process may use");
  v("memory_mb", c.memory_mb, range(0, 1e7).harmless(),
    "keep a decoded data set of up to this many megabytes in memory, and in that of a GPU");
  v("mean", c.mean, range(0, 1),
    "mean of each channel, with pixels in [0, 1]; empty: computed from the training images");
  v("std", c.std, range(1e-6, 1),
    "standard deviation of each channel, with pixels in [0, 1]; empty: computed like the mean");
}

template <typename Visitor>
void describe(Visitor& v, LatencyConfig& c) {
  v("target_ms", c.target_ms, range(0, 1e9).changing({StageId::Shrink, StageId::Search}).resolved(),
    "latency budget T in milliseconds per batch; 0: derived from latency.target_position");
  v("target_position", c.target_position,
    range(0, 1).changing({StageId::Shrink, StageId::Search}).resolved(),
    "T as a position between the fastest (0) and the slowest (1) network; used if target_ms is 0");
  v("device", c.device, anything().changing({StageId::Latency, StageId::Search}).resolved(),
    "device whose latency counts: cpu, cuda or cuda:N; empty: the same as device.type");
  v("batch", c.batch, range(1, 65536),
    "images per timed inference; latencies and T are per batch of this size");
  v("threads", c.threads, range(1, 1024).changing({StageId::Latency, StageId::Search}),
    "CPU threads of a timed inference");
  v("cuda", c.cuda, words<Launch>().changing({StageId::Latency, StageId::Search}).resolved(),
    "how a timed inference runs on a GPU; graph: replayed as a CUDA graph; eager: kernel by "
    "kernel; auto: like the latency table, else graph");
  v("precision", c.precision,
    words<TimedPrecision>().changing({StageId::Latency, StageId::Search}).resolved(),
    "number format of a timed inference; tf32 and fp16 need a GPU");
  v("table", c.table, a_path(), meaning_of_latency_key("table") + "; empty: measure one");
  v("accelerator", c.accelerator, a_path().or_shipped(Shipped::Accelerator),
    meaning_of_latency_key("accelerator") + "; empty: use a device");
  v("column", c.column, anything().changing({StageId::Shrink, StageId::Search}).added_with(""),
    "with score.accuracies: column of that file, or of latency.table, with the latency of each "
    "network, which is looked up instead of predicted; empty: none");
  v("unit", c.unit, anything().changing({StageId::Search}).added_with("ms"),
    "unit of the values in latency.column, and of T, if they are another cost than a latency");
  v("cpus", c.cpus, range(0, 4095).changing({StageId::Latency, StageId::Search}),
    "numbers of the CPUs that timed threads are bound to, from 0; empty: any CPU");
  v("rounds", c.rounds, range(3, 10000).changing({StageId::Latency, StageId::Search}),
    "minimum number of timings of each table entry and each whole network");
  v("interval_percent", c.interval_percent, range(0, 100),
    "repeat timings until half the 90 % interval is at most this, in percent of the median");
  v("budget_minutes", c.budget_minutes, range(0, 1e5),
    "time limit in minutes for measuring the latency table");
  v("sample_ms", c.sample_ms, range(0, 10000),
    "shortest timing in milliseconds; shorter inferences are repeated back to back");
  v("bias_networks", c.bias_networks, range(1, 100000),
    "whole networks timed to fit the correction (bias B) of the latency model");
  v("test_networks", c.test_networks, range(2, 100000),
    "other networks timed to test the latency model: this many random ones, and as many spread "
    "over the latency range");
}

/// The keys that every training has.
template <typename Visitor>
void describe_training(Visitor& v, SupernetConfig& c) {
  v("batch", c.batch, range(1, 1e6), "training images per step");
  v("groups", c.groups, range(1, 1024).added_with(1),
    "equal parts of a batch, each with its own batch norm statistics; at most this many processes "
    "can share the training");
  v("epochs", c.epochs, range(0.001, 1e6),
    "passes over the training images; fractions are allowed");
  v("lr", c.lr, range(1e-9, 1e3), "initial learning rate, reached after the warm-up");
  v("warmup_epochs", c.warmup_epochs, range(0, 1e6),
    "epochs in which the learning rate rises linearly from 0; 0: no warm-up");
  v("schedule", c.schedule, words<Schedule>(), "how the learning rate falls to 0");
  v("momentum", c.momentum, range(0, 0.9999), "momentum of stochastic gradient descent");
  v("weight_decay", c.weight_decay, range(0, 1),
    "L2 penalty on the weights of convolutions and linear layers");
  v("label_smoothing", c.label_smoothing, range(0, 0.999),
    "label smoothing of the cross entropy; 0: none");
  v("clip_norm", c.clip_norm, range(0, 1e9),
    "gradients with a larger norm are scaled down to it; 0: unlimited");
  v("precision", c.precision, words<Precision>(),
    "number format of activations in training: fp32 or bf16; auto: fp32 on a CPU, bf16 on a GPU");
}

template <typename Visitor>
void describe(Visitor& v, GradientConfig& c) {
  const GradientConfig initial;
  v("held_out_weight", c.held_out_weight, range(0, 1e9).added_with(initial.held_out_weight),
    "mixed_level: weight (lambda) of the held-out loss beside the training loss in the gradient of "
    "the architecture parameters; 0: as single_level; large: close to bilevel");
  v("choice_lr", c.choice_lr, range(1e-9, 10).added_with(initial.choice_lr),
    "learning rate (Adam) of the architecture parameters");
  v("choice_decay", c.choice_decay, range(0, 1).added_with(initial.choice_decay),
    "L2 penalty on the architecture parameters");
  v("choice_every", c.choice_every, range(1, 1e6).added_with(initial.choice_every),
    "training steps of the weights per step of the architecture parameters");
  v("temperature", c.temperature, range(1e-3, 1e3).added_with(initial.temperature),
    "temperature of the Gumbel-softmax of the architecture parameters in the first step");
  v("final_temperature", c.final_temperature,
    range(1e-3, 1e3).added_with(initial.final_temperature),
    "temperature in the last step, to which it changes linearly");
  v("latency_weight", c.latency_weight, range(0, 1e6).added_with(initial.latency_weight),
    "weight of the predicted latency, divided by its mean over random architectures, that is added "
    "to the loss of the architecture parameters");
  v("stop_below_target", c.stop_below_target, anything().added_with(initial.stop_below_target),
    "end the training once the most probable network was slower than T and no longer is");
  v("readings", c.readings, range(1, 1e6).added_with(initial.readings),
    "how often per epoch the most probable network is read off; the search chooses among these");
  v("latency_bins", c.latency_bins,
    range(1, 1e6).changing({StageId::Search}).added_with(initial.latency_bins),
    "equal ranges between the fastest and the slowest network of the space; the best network of "
    "each may be on the front");
}

template <typename Visitor>
void describe(Visitor& v, SupernetStageConfig& c) {
  describe_training(v, c);
  v("paths", c.paths, one_method_of(path_method_words()).added_with("uniform"),
    "networks of the supernet that a step trains; " + meanings(path_method_words()));
  v("width_warmup", c.width_warmup, range(0.01, 0.66).added_with(0.5),
    "operators_first: share of the training on the largest widths only; over half as many steps "
    "after that, narrower widths are added one by one");
  const std::vector<MethodWord> methods = words_of(supernet_methods());
  v("method", c.method, one_method_of(methods).added_with("single_path"),
    "what is learned; " + meanings(methods));
  v.section("gradient", c.gradient, {StageId::Supernet, StageId::Dance});
}

template <typename Visitor>
void describe(Visitor& v, RetrainConfig& c) {
  describe_training(v, c);
  v("average_decay", c.average_decay, range(0, 0.999999),
    "decay per step of the moving average of the weights, which is what is kept; 0: no average");
  v("from_supernet", c.from_supernet, {},
    "start from the supernet's weights instead of random ones");
  v("use_holdout", c.use_holdout, {}, "also train on the held-out images (data.holdout_images)");
  v("distillation", c.distillation, range(0, 1),
    "weight of the teacher's predictions in the loss; 0: no teacher");
  v("temperature", c.temperature, range(0.01, 100),
    "softmax temperature of the predictions of teacher and student; above 1 softens them");
  v("teacher", c.teacher, a_path(),
    "folder of a trained model to learn from; empty: the largest network with supernet weights");
  v("depths", c.depths, range(0, 100).added_with(0),
    "also train this many shallower versions of the network, which share its weights and learn "
    "from it; version n lacks the last n layers of each stage, of those that keep the shape");
}

/// The stages that use the accuracy of candidates.
inline constexpr StageSet kJudged{StageId::Shrink, StageId::Search, StageId::Dance,
                                  StageId::Codesign};
inline constexpr StageSet kJudgedAndRetrained = kJudged | StageSet{StageId::Retrain};

template <typename Visitor>
void describe(Visitor& v, ScoreConfig& c) {
  v("beta", c.beta, range(-1000, 0).changing({StageId::Shrink, StageId::Search, StageId::Dance}),
    "weight of the latency penalty in the score F = accuracy + beta |latency / T - 1|");
  v("calibration_images", c.calibration_images, range(2, 1e8).changing(kJudgedAndRetrained),
    "training images from which each network's batch norm statistics are computed");
  v("validation_images", c.validation_images, range(0, 1e8),
    "held-out images on which accuracy is computed; 0: all");
  v("batch", c.batch, range(2, 65536).changing(kJudgedAndRetrained),
    "images per forward pass when candidates are scored");
  v("precision", c.precision, words<Precision>(),
    "number format of activations in scoring: fp32, fp16, on a GPU also bf16; auto: fp32 on a CPU, "
    "fp16 on a GPU");
  v("memory_mb", c.memory_mb, range(0, 1e7).harmless(),
    "keep activations that several candidates share, up to this many megabytes");
  v("accuracies", c.accuracies, a_path().changing({StageId::Shrink, StageId::Search}),
    "CSV of known accuracies, with the columns arch and score.accuracy_column, on which to search "
    "without training; empty: train a supernet");
  v("accuracy_column", c.accuracy_column,
    anything().changing({StageId::Shrink, StageId::Search}).added_with("accuracy"),
    "column of score.accuracies; read as percent if any value is above 1, else as fractions");
  v("reported_column", c.reported_column, anything().changing({StageId::Search}).added_with(""),
    "another column of score.accuracies, such as the accuracy after full training, that is "
    "reported of the result and that no search sees; empty: none");
}

template <typename Visitor>
void describe(Visitor& v, TableLimit& c) {
  v("table", c.table, a_path(), "file of the device's latencies, as for latency.table");
  v("max_ms", c.max_ms, range(0, 1e9),
    "largest predicted latency on this device, in milliseconds per batch of its table");
}

template <typename Visitor>
void describe(Visitor& v, LimitsConfig& c) {
  v("max_params", c.max_params, range(0, 1e15).added_with(0),
    "largest number of parameters of the network alone; 0: no limit");
  v("max_macs", c.max_macs, range(0, 1e18).added_with(0),
    "largest number of multiply-adds for one image; 0: no limit");
  v("max_memory_mb", c.max_memory_mb, range(0, 1e9).added_with(0),
    "largest peak of activation memory, in megabytes (10^6 bytes), for limits.memory_batch images; "
    "0: no limit");
  v("memory_batch", c.memory_batch, range(0, 65536).added_with(0),
    "images that limits.max_memory_mb is for; 0: as many as a batch of the latency table");
  v("memory_value_bytes", c.memory_value_bytes, range(1, 8).added_with(4),
    "bytes of an activation value for limits.max_memory_mb; 4: fp32, 2: fp16, 1: int8");
  v.by_name("tables", c.tables,
            "further devices by name, on each of which the network has to be fast enough");
}

template <typename Visitor>
void describe(Visitor& v, ShrinkConfig::Stage& c) {
  v("layers", c.layers, range(1, 1000),
    "progressive: number of layers whose operator this stage fixes");
  v("radius", c.radius, range(1, 1000).added_with(1),
    "locality: number of layers in which a network may differ from the nearest of the seeds");
  v("tune_epochs", c.tune_epochs, range(0, 1e6),
    "epochs of supernet training in the smaller space after this stage; 0: none");
  v("lr", c.lr, range(1e-9, 1e3),
    "initial learning rate of that training; falls by supernet.schedule");
}

template <typename Visitor>
void describe(Visitor& v, ShrinkConfig& c) {
  v("method", c.method, one_method_of(shrink_method_words()).added_with("progressive"),
    "shrinking method; " + meanings(shrink_method_words()));
  v("samples", c.samples, range(1, 1e6),
    "random architectures whose mean score F is the quality Q of an operator (progressive) or of a "
    "region (locality)");
  v("seeds", c.seeds, range(1, 1e5).added_with(10),
    "locality: number of best architectures whose neighbourhoods are kept");
  v("rounds", c.rounds, range(1, 1000).added_with(5),
    "locality: largest number of regions that a stage tries one after the other");
  v("standard_errors", c.standard_errors, range(0, 100).added_with(0),
    "locality: by how many standard errors a region's mean score must exceed that of the region "
    "before, or it is dropped; 0: any rise");
  v("latency_tolerance", c.latency_tolerance, range(0.001, 1e6).added_with(0.05),
    "locality: largest |latency / T - 1| of the architectures that are scored");
  v.list("stages", c.stages,
         "shrinking stages in order; the supernet is tuned after each; empty: no shrinking");
}

template <typename Visitor>
void describe(Visitor& v, SearchConfig& c) {
  v("method", c.method, one_method_of(search_method_words()),
    "search strategy; " + meanings(search_method_words()));
  v("seed", c.seed, at_least(0),
    "varies only the search, for several searches with one supernet; combined with seed");
  v("population", c.population, range(2, 1e6), "candidates scored per generation");
  v("generations", c.generations, range(0, 1e6),
    "generations after the first; a search scores population x (generations + 1)");
  v("parents", c.parents, range(1, 1e6),
    "best candidates, from which the next generation is bred; at most search.population");
  v("crossover_probability", c.crossover_probability, range(0, 1),
    "probability that a child has two parents instead of one");
  v("mutation_probability", c.mutation_probability, range(0, 1),
    "probability that mutation redraws a layer's operator, and likewise its width");
  v("latency_tolerance", c.latency_tolerance, range(0.001, 1e6).changing({StageId::Search}),
    "largest |latency / T - 1| of a candidate");
  v("racing", c.racing, range(0.5, 1).changing({StageId::Search}),
    "stop scoring a candidate once it is this certain that it cannot become a parent; 1: always "
    "score in full");
  v("baseline_samples", c.baseline_samples, range(1, 1e6).changing({StageId::Search}),
    "random architectures near T that the winner is compared with");
  v("controller", c.controller, words<Controller>().added_with("softmax"),
    "reinforce, two_level, multi_phase: what holds the probabilities; softmax: one softmax per "
    "gene; recurrent: an LSTM that draws one gene after the other");
  v("controller_units", c.controller_units, range(1, 4096).added_with(35),
    "size of the state and of the embeddings of a recurrent controller");
  v("controller_lr", c.controller_lr, range(0, 10).added_with(0.0),
    "learning rate (Adam) of the controller; 0: 0.05 for softmax, 0.01 for recurrent");
  v("controller_entropy", c.controller_entropy, range(0, 1e6).added_with(0.0),
    "reinforce, two_level: weight of the controller's entropy (nats) beside the score or reward; "
    "0: no such term");
  v("embeddings", c.embeddings, a_path().changing({StageId::Search}).added_with(""),
    "bayesian, on known accuracies: CSV of embeddings (hsconas embed) by which networks are "
    "compared, beside how many layers or edges differ");
}

template <typename Visitor>
void describe(Visitor& v, LogConfig& c) {
  v("tensorboard", c.tensorboard, {},
    "also write the training and search curves as a TensorBoard event file");
}

template <typename Visitor>
void describe(Visitor& v, DanceConfig& c) {
  v("cost", c.cost, words<CostKind>(),
    "hardware cost of a network on a design; edap: energy x delay x area; linear: weighted mean");
  v("latency_weight", c.latency_weight, range(0, 1e6),
    "weight of latency in the linear cost, relative to the geometric mean over random pairs");
  v("energy_weight", c.energy_weight, range(0, 1e6),
    "weight of energy in the linear cost, relative to the geometric mean over random pairs");
  v("area_weight", c.area_weight, range(0, 1e6),
    "weight of area in the linear cost, relative to the geometric mean over random pairs");
  v("cost_width", c.cost_width, range(1, 65536),
    "neurons per layer of the network that predicts costs");
  v("generator_width", c.generator_width, range(1, 65536),
    "neurons per layer of the network that generates designs");
  v("cost_steps", c.cost_steps, range(1, 1e9), "training steps of the network that predicts costs");
  v("generator_steps", c.generator_steps, range(1, 1e9),
    "training steps of the network that generates designs");
  v("generator_networks", c.generator_networks, range(1, 1e8),
    "random architectures whose best design is searched exhaustively to train the generator");
  v("test_networks", c.test_networks, range(2, 1e6).changing({StageId::Dance}),
    "other random architectures, to test both cost networks on");
  v("batch", c.batch, range(1, 1e6),
    "pairs, or architectures, per training step of the cost networks");
  v("evaluator_lr", c.evaluator_lr, range(1e-9, 10),
    "initial learning rate of both cost networks; falls to 0 along a cosine");
  v("penalty", c.penalty, words<Penalty>().changing({StageId::Dance}),
    "term added to the cross entropy; cost: predicted hardware cost; macs: multiply-adds; none: 0");
  v("penalty_weight", c.penalty_weight, range(0, 1e6).changing({StageId::Dance}),
    "weight of the penalty (lambda_2), which is divided by its mean over random architectures");
  v("warmup_epochs", c.warmup_epochs, range(0, 1e6).changing({StageId::Dance}),
    "epochs in which the weight of the penalty rises linearly from 0");
  v("choice_lr", c.choice_lr, range(1e-9, 10).changing({StageId::Dance}),
    "learning rate (Adam) of the architecture parameters");
  v("choice_every", c.choice_every, range(1, 1e6).changing({StageId::Dance}),
    "training steps of the weights per step of the architecture parameters");
  v("temperature", c.temperature, range(1e-3, 1e3).changing({StageId::Dance}),
    "temperature of the Gumbel-softmax through which the architecture parameters learn");
}

template <typename Visitor>
void describe(Visitor& v, CodesignConfig& c) {
  v("method", c.method, one_method_of(codesign_method_words()),
    "co-design method; " + meanings(codesign_method_words()));
  v("designs", c.designs,
    a_path().or_shipped(Shipped::Designs).changing({StageId::CostNetworks, StageId::Codesign}),
    "file of the accelerator designs to choose from, or the name of one in configs/designs; "
    "required");
  v("accuracies", c.accuracies, a_path(),
    "CSV of known accuracies, with the columns arch and codesign.accuracy_column; empty: the "
    "supernet scores networks");
  v("accuracy_column", c.accuracy_column, {},
    "column of codesign.accuracies; read as percent if any value is above 1, else as fractions");
  v("batch", c.batch, range(1, 65536).changing({StageId::CostNetworks, StageId::Codesign}),
    "images per batch that a design processes; costs are per batch");
  v("max_latency_ms", c.max_latency_ms, range(0, 1e12),
    "latency limit in milliseconds per batch; 0: no limit");
  v("max_energy", c.max_energy, range(0, 1e30),
    "energy limit per batch, in the unit of the designs' energy table; 0: no limit");
  v("max_area_mm2", c.max_area_mm2, range(0, 1e9), "chip area limit in mm^2; 0: no limit");
  v("max_power_mw", c.max_power_mw, range(0, 1e12),
    "limit of mean power (energy / latency) in mW; needs an energy table in pJ; 0: no limit");
  v("proxy", c.proxy, {},
    "name of the design on which stage 1 selects networks; empty: the middle one of the list");
  v("limit_levels", c.limit_levels, range(0, 1000),
    "limits tried per metric in stage 1 of semi_decoupled; 0: with codesign.accuracies the whole "
    "front, else 5");
  v("set_size", c.set_size, range(0, 1e6),
    "largest number of networks that reach stage 2 of semi_decoupled; 0: no limit");
  v("rank_networks", c.rank_networks, range(3, 1e6),
    "random networks on which the rankings by different designs are compared");
  v("rank_warning", c.rank_warning, range(-1, 1),
    "warn of designs whose Spearman rank correlation with the proxy is below this");
  v("exhaustive_pairs", c.exhaustive_pairs, range(0, 1e12),
    "up to this many pairs of known networks and designs, coupled tries all of them, and the "
    "results of other methods are compared with the best pair");
  v("fast_tries", c.fast_tries, range(0, 1e6).added_with(10),
    "two_level: how often a pair outside the limits is drawn again, on costs alone; 0: accuracies "
    "are asked for whatever is drawn");
  v("accuracy_weight", c.accuracy_weight, range(0, 1).added_with(0.5),
    "two_level, multi_phase: weight w of the reward w x accuracy + (1 - w) x the least distance to "
    "a limit, relative to the limit");
  v("phase_tries", c.phase_tries, range(0, 1e6).added_with(10),
    "multi_phase: how often each phase draws its part of a pair again, to keep the best by cost");
  v("phase_entropy", c.phase_entropy, range(0, 1e6).added_with(0.01),
    "multi_phase: weight of the controller's entropy (nats) at the start; falls linearly to 0");
  v("cost_knowledge", c.cost_knowledge, words<CostKnowledge>().added_with("exact"),
    "bayesian: what is known before a pair is tried; exact: its cost, and the best design of each "
    "network; learned: nothing but a model of the costs and limits of pairs that were tried, as "
    "for cost programs that run long; unchecked: likewise, without a model of the limits");
  v("start", c.start, a_path(),
    "compress: folders of trained networks of the space, as retrain and export write them; on the "
    "command line separated by commas");
  v("weight_bits", c.weight_bits, range(2, 8).added_with({4, 8}),
    "compress: bits to choose from for the weights of each block; where weights are rounded, "
    "activations have 8 bits; []: nothing is rounded");
  v("cut_widths", c.cut_widths, anything().added_with(true),
    "compress: whether a layer may keep only the inner channels of a lower width factor of the "
    "space, those with the largest norms");
  v("tune_steps", c.tune_steps, range(0, 1e6).added_with(100),
    "compress: training steps of each compressed network before it is tested; 0: none");
  v("tune_lr", c.tune_lr, range(1e-9, 10).added_with(0.01),
    "compress: learning rate of these training steps");
  v.section("dance", c.dance, {StageId::CostNetworks, StageId::Dance});
  v("pairs_written", c.pairs_written, range(0, 1e7),
    "largest number of pairs in pairs.csv; if more were scored, it holds the Pareto front only");
}

template <typename Visitor>
void describe(Visitor& v, Config& c) {
  v("name", c.name, anything().harmless(), "name of the run; default: that of the config file");
  v("seed", c.seed,
    at_least(0).changing({StageId::Latency, StageId::Supernet, StageId::CostNetworks,
                          StageId::Dance, StageId::Codesign, StageId::Retrain}),
    "random seed of the whole run");
  v("checkpoint_minutes", c.checkpoint_minutes, range(0, 1e6).harmless(),
    "longest time in minutes between two checkpoints of a training");
  v("checkpoint_steps", c.checkpoint_steps, range(0, 1e9).harmless(),
    "also save a checkpoint after this many training steps; 0: by time only");
  v.section("device", c.device, {});
  v.section("cluster", c.cluster, {});
  v.section("data", c.data, {StageId::Supernet, StageId::Dance, StageId::Retrain});
  v.section("latency", c.latency, {StageId::Latency});
  v.section("supernet", c.supernet, {StageId::Supernet, StageId::Dance});
  v.section("score", c.score, kJudged);
  v.section("limits", c.limits, {StageId::Shrink, StageId::Search});
  v.section("shrink", c.shrink, {StageId::Shrink});
  v.section("search", c.search, {StageId::Search, StageId::Codesign});
  v.section("retrain", c.retrain, {StageId::Retrain});
  v.section("codesign", c.codesign, {StageId::Codesign});
  v.section("log", c.log, {});
}

}  // namespace hsconas
