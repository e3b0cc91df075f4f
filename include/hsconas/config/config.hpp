#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "hsconas/config/words.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// The device on which training and scoring run.
struct DeviceConfig {
  std::string type = "cpu";  ///< "cpu", "cuda" or "cuda:N", see open_device().
  int threads = 0;           ///< CPU threads; 0: usable_cpus().
};

/// The processes of one run: how long they wait for each other, and what they may be.
struct ClusterConfig {
  double timeout = 300;  ///< Seconds in an exchange, after which another process counts as lost.
  double join = 300;     ///< Seconds at the start, until all processes have come.
  bool mixed = false;    ///< Whether they may compute on different kinds of devices.
};

/// Images to train, score and test on.
struct DataConfig {
  DataFormat format = DataFormat::Builtin;
  std::string path;    ///< Folder of the data set; ignored by the builtin format.
  int image_size = 0;  ///< Pixels per side. Not a config key: copied from the space.
  Augment augment = Augment::Small;
  int holdout_images = 5000;  ///< Training images that are set aside to score candidates.
  int train_images = 0;       ///< Other training images to use, drawn by the seed; 0: all.
  int test_images = 0;        ///< Test images to use, drawn by the seed; 0: all.
  int workers = 2;            ///< Threads that decode images; 0: usable_cpus().
  int memory_mb = 2048;       ///< Largest decoded data set that is kept in memory (also a GPU's).
  std::vector<double> mean;   ///< Per channel, pixels in [0, 1]; empty: from the training images.
  std::vector<double> std;    ///< Standard deviation, otherwise like `mean`.
};

/// The latency budget T, and where latencies come from.
struct LatencyConfig {
  double target_ms = 0.0;        ///< T in milliseconds per batch; 0: derived from target_position.
  double target_position = 0.5;  ///< T between the fastest (0) and slowest (1) predicted network.
  std::string device;            ///< "cpu", "cuda" or "cuda:N"; empty: the same as device.type.
  int batch = 1;                 ///< Images per timed inference.
  int threads = 1;               ///< CPU threads of a timed inference.
  std::string table;             ///< File of a table to use; empty: measure one.
  std::string accelerator;       ///< File of a design whose cost model predicts; empty: none.
  std::string column;            ///< Column of `table`, or of the known accuracies, with values to
                                 ///< look up; empty: latencies are predicted.
  std::string unit = "ms";       ///< Unit of the values in `column`.
  std::vector<int> cpus;         ///< CPUs that timed threads are bound to, from 0; empty: any.
  int rounds = 15;               ///< Minimum number of timings of each entry and network.
  double interval_percent = 1;   ///< Timing goes on until half the interval is this narrow,
  double budget_minutes = 10;    ///< or until this time for the whole table has passed.
  double sample_ms = 1.0;        ///< A timing repeats the inference until it lasts this long.
  int bias_networks = 100;       ///< Networks to which the correction is fitted; the paper's M.
  int test_networks = 50;        ///< Networks of each of two kinds on which the model is tested.
  Launch cuda = Launch::Auto;    ///< Matters on a GPU only.
  TimedPrecision precision = TimedPrecision::Fp32;  ///< Tf32 and Fp16 need a GPU.
};

/// Training of the weight-sharing network.
struct SupernetConfig {
  int batch = 128;
  int groups = 1;  ///< Equal parts of a batch, each normalised by its own statistics.
  double epochs = 100;
  double lr = 0.5;
  double warmup_epochs = 0;
  Schedule schedule = Schedule::Linear;
  double momentum = 0.9;
  double weight_decay = 4e-5;
  double label_smoothing = 0.1;
  double clip_norm = 0.0;                 ///< Largest gradient norm; 0: unlimited.
  Precision precision = Precision::Auto;  ///< Type of activations, see resolved_precision().
  std::string paths = "uniform";          ///< One of path_methods().
  double width_warmup = 0.5;  ///< Share of the training on the largest widths only; 0: none.
};

/// The search by gradient: architecture parameters (a probability of every choice in every layer)
/// are trained together with the weights, see supernet_methods(). Defaults of the rates are those
/// of MiLeNAS (He et al., CVPR 2020), of the temperature those of GDAS (Dong and Yang, CVPR 2019).
struct GradientConfig {
  double held_out_weight = 1.0;    ///< mixed_level: lambda, the weight of the held-out loss.
  double choice_lr = 3e-4;         ///< Learning rate (Adam) of the architecture parameters.
  double choice_decay = 1e-3;      ///< L2 penalty on the architecture parameters.
  int choice_every = 1;            ///< Steps of the weights per step of those parameters.
  double temperature = 10.0;       ///< Temperature of the Gumbel-softmax in the first step;
  double final_temperature = 1.0;  ///< it changes linearly to this one in the last step.
  double latency_weight = 0.0;     ///< Weight of the latency, relative to random networks.
  bool stop_below_target = false;  ///< End once the most probable network has become as fast as T.
  int readings = 1;                ///< Readings of the most probable network per epoch.
  int latency_bins = 20;           ///< Ranges of latency, each with one network of the front.
};

/// The stage "supernet": its training, and what it learns beside the weights.
struct SupernetStageConfig : SupernetConfig {
  std::string method = "single_path";  ///< One of supernet_methods().
  GradientConfig gradient;

  /// Whether architecture parameters are trained.
  bool learns_choices() const;
};

/// Training of the winner alone, with weights of its own. It has the keys of the supernet with
/// other defaults (SPOS trains the winner twice as long as the supernet), and some more.
struct RetrainConfig : SupernetConfig {
  RetrainConfig() {
    epochs = 240;
    lr = 0.1;
    warmup_epochs = 5;
    schedule = Schedule::Cosine;
  }
  double average_decay = 0.9998;  ///< Decay of the moving average of the weights; 0: no average.
  bool from_supernet = false;     ///< Start from the shared weights instead of random ones.
  bool use_holdout = true;        ///< Also train on the images that scored the candidates.
  double distillation = 0.0;  ///< Weight of the teacher's predictions in the loss; 0: no teacher.
  double temperature = 1.0;   ///< Softmax temperature of teacher and student.
  int depths = 0;             ///< Shallower versions that are trained along; 0: none.
  std::string teacher;        ///< Folder of a trained model; empty: the largest network, with
                              ///< the supernet's weights.
};

/// How a candidate is scored: F = accuracy + beta |latency / T - 1|.
struct ScoreConfig {
  double beta = -0.3;
  int calibration_images = 2000;  ///< Training images for a network's batch norm statistics.
  int validation_images = 0;      ///< Held-out images on which accuracy is computed; 0: all.
  int batch = 250;                ///< Images per forward pass.
  Precision precision = Precision::Auto;  ///< Type of activations, see resolved_precision().
  int memory_mb = 2048;                   ///< Memory for activations that candidates share.
  std::string accuracies;                 ///< CSV of known accuracies; empty: train a supernet.
  std::string accuracy_column = "accuracy";
  std::string reported_column;  ///< Another accuracy, of which the result is told; empty: none.

  bool is_known() const { return !accuracies.empty(); }
};

/// A device on which the network has to be fast enough, too.
struct TableLimit {
  std::string name;     ///< Letters, digits, '-' and '_'.
  std::string table;    ///< File as for latency.table.
  double max_ms = 0.0;  ///< Milliseconds per batch of the table, > 0.
};

/// Limits of networks beside the latency budget T. A limit of 0 means no limit.
struct LimitsConfig {
  double max_params = 0.0;     ///< Parameters, Cost::parameters().
  double max_macs = 0.0;       ///< Multiply-adds for one image.
  double max_memory_mb = 0.0;  ///< peak_activations() in units of 10^6 bytes.
  int memory_batch = 0;        ///< Images that the memory is for; 0: a batch of the latency table.
  int memory_value_bytes = 4;  ///< Bytes per activation value.
  std::vector<TableLimit> tables;  ///< Sorted by name.

  bool any() const {
    return max_params > 0.0 || max_macs > 0.0 || max_memory_mb > 0.0 || !tables.empty();
  }
};

/// Shrinking the space in stages. Between stages the supernet is tuned to the region that is left.
struct ShrinkConfig {
  struct Stage {
    int layers = 4;           ///< progressive: number of layers whose operator this stage fixes.
    int radius = 1;           ///< locality: layers in which a network may differ from a seed.
    double tune_epochs = 15;  ///< Epochs of supernet training in the smaller space afterwards.
    double lr = 0.01;         ///< Initial learning rate of that training.
  };
  std::string method = "progressive";  ///< A name in shrink_method_words().
  /// Architectures whose mean F is an operator's Q (the paper's N) or that of a region.
  int samples = 100;
  int seeds = 10;                   ///< locality: best networks whose neighbourhoods are kept.
  int rounds = 5;                   ///< locality: regions that a stage tries at most.
  double standard_errors = 0.0;     ///< locality: see LocalityOptions.
  double latency_tolerance = 0.05;  ///< locality: largest |latency / T - 1| of a scored network.
  std::vector<Stage> stages;
};

/// The search for the best architecture in the shrunk space.
struct SearchConfig {
  std::string method = "evolution";  ///< A name in search_method_words().
  std::uint64_t seed = 0;            ///< Varies the search alone; combined with the run's seed.
  int population = 20;
  int generations = 51;                ///< Generations after the first.
  int parents = 5;                     ///< Best candidates from which the next generation is bred.
  double crossover_probability = 0.5;  ///< Probability that a child has two parents.
  double mutation_probability = 0.1;   ///< Per layer, separately for its operator and its width.
  double latency_tolerance = 0.05;     ///< Largest |latency / T - 1| of a candidate.
  double racing = 0.999;      ///< Confidence at which a candidate that cannot become a parent is
                              ///< scored no further; 1: score all in full.
  int baseline_samples = 50;  ///< Random architectures near T to compare the winner with.
  Controller controller = Controller::Softmax;  ///< This and the next three: where a controller is.
  int controller_units = 35;                    ///< Size of the state of a recurrent controller.
  double controller_lr = 0.0;                   ///< Step size of Adam; 0: by the controller.
  double controller_entropy = 0.0;              ///< Weight of the entropy in the objective.
  std::string embeddings;                       ///< CSV of `hsconas embed`, for `bayesian`.
};

/// Files that a run writes in addition to its results.
struct LogConfig {
  bool tensorboard = false;  ///< Write the curves of metrics.jsonl as an event file, too.
};

/// DANCE: cost networks that approximate the search for the best accelerator, and the search by
/// gradient through them. The paper leaves sizes, steps and rates open; the defaults are ours.
struct DanceConfig {
  CostKind cost = CostKind::Edap;
  double latency_weight = 1.0;      ///< The three weights are those of CostKind::Linear, in which
  double energy_weight = 1.0;       ///< each metric is relative to its geometric mean over random
  double area_weight = 1.0;         ///< pairs.
  int cost_width = 256;             ///< Neurons per layer of the cost network.
  int generator_width = 128;        ///< Neurons per layer of the hardware generation network.
  int cost_steps = 6000;            ///< Training steps of the cost network.
  int generator_steps = 3000;       ///< Training steps of the hardware generation network.
  int generator_networks = 10000;   ///< Networks whose best design is searched exhaustively.
  int test_networks = 1000;         ///< Other networks, on which both are tested.
  int batch = 256;                  ///< Pairs, or networks, per training step.
  double evaluator_lr = 3e-3;       ///< Initial learning rate of both; falls to 0 along a cosine.
  Penalty penalty = Penalty::Cost;  ///< Macs and None are baselines.
  double penalty_weight = 1.0;      ///< lambda_2; the penalty is relative to random networks.
  double warmup_epochs = 2.0;       ///< Epochs in which the penalty's weight rises from 0.
  double choice_lr = 0.1;           ///< Learning rate (Adam) of the architecture parameters.
  int choice_every = 4;             ///< Steps of the weights per step of those parameters.
  double temperature = 1.0;         ///< Temperature of the Gumbel-softmax of their gradient.
};

/// The search for a network and an accelerator together. A limit of 0 means no limit.
struct CodesignConfig {
  std::string method = "semi_decoupled";  ///< A name in codesign_method_words().
  std::string designs;                    ///< File of the design space (configs/designs).
  std::string accuracies;                 ///< CSV of known accuracies; empty: use the supernet.
  std::string accuracy_column = "accuracy";
  int batch = 1;                ///< Images per batch that a design processes.
  double max_latency_ms = 0.0;  ///< Per batch.
  double max_energy = 0.0;      ///< Per batch, in the unit of the designs' energy table.
  double max_area_mm2 = 0.0;
  double max_power_mw = 0.0;  ///< Mean power, energy / latency; needs an energy table in pJ.
  std::string proxy;          ///< Name of the proxy design; empty: the middle one of the list.
  int limit_levels = 0;       ///< Limits per metric in stage 1; 0: see codesign().
  int set_size = 0;           ///< Largest number of networks in stage 2; 0: all.
  int rank_networks = 200;    ///< Networks on which rank correlations are computed.
  double rank_warning = 0.9;  ///< A Spearman correlation below this is worth a warning.
  std::int64_t exhaustive_pairs = 200000000;  ///< Most pairs of which coupled tries every one.
  int fast_tries = 50;           ///< two_level: pairs drawn again on costs alone; 0: none.
  double accuracy_weight = 0.5;  ///< two_level, multi_phase: see pair_reward().
  int phase_tries = 10;          ///< multi_phase: redraws of a phase in an episode.
  double phase_entropy = 0.01;   ///< multi_phase: weight of the entropy at first; falls to 0.
  CostKnowledge cost_knowledge = CostKnowledge::Exact;  ///< bayesian.
  std::vector<std::string> start;                       ///< compress: folders of trained networks.
  std::vector<int> weight_bits{4, 8};  ///< compress: of a block; empty: nothing is rounded.
  bool cut_widths = true;              ///< compress: layers may keep fewer inner channels.
  int tune_steps = 100;                ///< compress: training steps of a candidate before its test.
  double tune_lr = 0.01;               ///< compress: learning rate of these steps.
  DanceConfig dance;
  int pairs_written = 100000;  ///< Most lines of pairs.csv; with more pairs, only the front.
};

/// Whether `device`, named as for open_device(), is a GPU.
inline bool is_cuda(const std::string& device) {
  return device.starts_with("cuda");
}

/// One of several targets that a search finds networks for with the weights of one supernet.
struct TargetConfig {
  std::string name;  ///< Letters, digits, '-' and '_': it names a folder.
  /// JSON: where latency, limits, score, shrink and search differ from the config.
  std::string settings;
};

/// All settings of a run: the content of one JSON file.
struct Config {
  std::string name = "run";
  std::uint64_t seed = 1;
  double checkpoint_minutes = 10;  ///< Longest time between two checkpoints of a training.
  int checkpoint_steps = 0;        ///< Most steps between two checkpoints; 0: unlimited.
  SpaceDescription space;
  DeviceConfig device;
  ClusterConfig cluster;
  DataConfig data;
  LatencyConfig latency;
  SupernetStageConfig supernet;
  ScoreConfig score;
  LimitsConfig limits;
  ShrinkConfig shrink;
  SearchConfig search;
  RetrainConfig retrain;
  CodesignConfig codesign;
  LogConfig log;
  std::vector<TargetConfig> targets;  ///< Sorted by name; empty: the config itself is the target.

  /// The device whose latency counts, named as for open_device().
  const std::string& latency_device() const {
    return latency.device.empty() ? device.type : latency.device;
  }
  /// Images that score a candidate, of those that are held out.
  int validation_images() const {
    return score.validation_images > 0 ? std::min(score.validation_images, data.holdout_images)
                                       : data.holdout_images;
  }
  /// How the supernet is tuned after the shrinking stage `stage`, counted from 0.
  SupernetConfig tuning(std::size_t stage) const {
    SupernetConfig training = static_cast<const SupernetConfig&>(supernet);
    training.epochs = shrink.stages[stage].tune_epochs;
    training.lr = shrink.stages[stage].lr;
    training.warmup_epochs = 0.0;
    training.width_warmup = 0.0;  // All widths have been trained before.
    return training;
  }
};

}  // namespace hsconas
