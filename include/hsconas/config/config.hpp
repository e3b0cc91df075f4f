#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hsconas/config/words.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// Where training and scoring run.
struct DeviceConfig {
  std::string type = "cpu";  ///< "cpu", "cuda" or "cuda:N".
  int threads = 0;           ///< CPU threads; 0 is one per core.
};

/// Images to train, score and test on.
struct DataConfig {
  DataFormat format = DataFormat::Builtin;
  std::string path;    ///< Folder of the data set; unused by builtin.
  int image_size = 0;  ///< Pixels a side; no key of its own: the space's.
  Augment augment = Augment::Small;
  int holdout_images = 5000;  ///< Taken out of the training set to score candidates.
  int train_images = 0;       ///< Use only so many of the rest, drawn by the seed; 0 is all.
  int test_images = 0;        ///< Use only so many test images; 0 is all.
  int workers = 2;            ///< Decoding threads; 0 is one per core.
  int memory_mb = 2048;       ///< A decoded set up to this size is kept in memory (a GPU's too).
  std::vector<double> mean;   ///< Per channel, of pixels in [0, 1]; empty: measured on the data.
  std::vector<double> std;    ///< As mean.
};

/// The latency table and the budget.
struct LatencyConfig {
  double target_ms = 0.0;        ///< The budget T per batch; 0: derived from target_position.
  double target_position = 0.5;  ///< T between the fastest (0) and slowest (1) predicted network.
  std::string device;            ///< As device.type; empty: the same.
  int batch = 1;                 ///< Images per timed run.
  int threads = 1;               ///< CPU threads of a timed run.
  std::string table;             ///< A table to use as it is; empty: measure.
  std::string accelerator;       ///< A design to target instead of a device; empty: none.
  std::vector<int> cpus;         ///< CPUs that timed threads are bound to; empty: any.
  int rounds = 15;               ///< Timings of every entry and network, at least.
  double interval_percent = 1;   ///< More timings until half the interval is this narrow,
  double budget_minutes = 10;    ///< or the time for the whole table is spent.
  double sample_ms = 1.0;        ///< Runs are repeated back to back until a timing lasts this long.
  int bias_networks = 100;       ///< Networks the correction is fitted on; the paper's M.
  int test_networks = 50;        ///< Networks the model is judged on, of each of two kinds.
  Launch cuda = Launch::Auto;    ///< Counts on a GPU only.
  TimedPrecision precision = TimedPrecision::Fp32;  ///< Others than fp32 need a GPU.
};

/// Training of the weight-sharing network.
struct SupernetConfig {
  int batch = 128;
  double epochs = 100;
  double lr = 0.5;
  double warmup_epochs = 0;
  Schedule schedule = Schedule::Linear;
  double momentum = 0.9;
  double weight_decay = 4e-5;
  double label_smoothing = 0.1;
  double clip_norm = 0.0;                 ///< Largest gradient norm; 0: unlimited.
  Precision precision = Precision::Auto;  ///< Of activations, see precision_of().
};

/// Training of the architecture that was found, on its own: the supernet's keys with other defaults
/// (SPOS trains the found network twice as long as the supernet), and what a single network adds.
struct RetrainConfig : SupernetConfig {
  RetrainConfig() {
    epochs = 240;
    lr = 0.1;
    warmup_epochs = 5;
    schedule = Schedule::Cosine;
  }
  double average_decay = 0.9998;  ///< Of the moving average of the weights; 0: none is kept.
  bool from_supernet = false;     ///< Start from the shared weights instead of random ones.
  bool use_holdout = true;        ///< Also train on the images that scored the candidates.
  double distillation = 0.0;      ///< Weight of the teacher's answers in the loss; 0: no teacher.
  double temperature = 1.0;       ///< That soften both answers.
  std::string teacher;            ///< Folder of a trained model; empty: the largest network, with
                                  ///< the supernet's weights.
};

/// How a candidate is judged: F = accuracy + beta |latency / T - 1|.
struct ScoreConfig {
  double beta = -0.3;
  int calibration_images = 2000;  ///< Training images that batch norm statistics are taken on.
  int validation_images = 0;      ///< Held-out images accuracy is taken on; 0: all.
  int batch = 250;                ///< Images per forward pass.
  Precision precision = Precision::Auto;  ///< Of activations, see precision_of().
  int memory_mb = 2048;                   ///< What candidates share is kept up to this size.
};

/// Progressive shrinking, from the last layer to the first.
struct ShrinkConfig {
  struct Stage {
    int layers = 4;           ///< Layers whose operator this stage decides.
    double tune_epochs = 15;  ///< Supernet training afterwards, inside the shrunk space.
    double lr = 0.01;         ///< Its first learning rate, falling linearly to 0.
  };
  int samples = 100;  ///< Architectures per operator that Q is the mean of; the paper's N.
  std::vector<Stage> stages;
};

/// The search for the best architecture in the shrunk space.
struct SearchConfig {
  std::string method = "evolution";  ///< evolution or random.
  std::uint64_t seed = 0;            ///< Varies the search alone; combined with the run's seed.
  int population = 50;
  int generations = 20;
  int parents = 10;
  double crossover_probability = 0.5;  ///< That a child has two parents.
  double mutation_probability = 0.1;   ///< Per layer, for its operator and its width alike.
  double latency_tolerance = 0.05;     ///< Candidates keep |latency / T - 1| within this.
  double racing = 0.999;               ///< Confidence at which a candidate that cannot become a
                                       ///< parent is judged no further; 1: judge all in full.
  int baseline_samples = 50;           ///< Random architectures near T to compare the winner with.
};

/// What a run writes beside its results.
struct LogConfig {
  bool tensorboard = false;  ///< The curves of metrics.jsonl also as an event file.
};

/// DANCE: networks that imitate the search for the best accelerator, and the search by gradient
/// through them. Sizes, steps and rates are our choices.
struct DanceConfig {
  CostKind cost = CostKind::Edap;
  double latency_weight = 1.0;  ///< Of linear; each metric counts relative to its geometric mean
  double energy_weight = 1.0;   ///< over random pairs.
  double area_weight = 1.0;
  int cost_width = 256;             ///< Neurons per layer of the cost network
  int generator_width = 128;        ///< and of the hardware generation network.
  int cost_steps = 6000;            ///< Training steps of the cost network
  int generator_steps = 3000;       ///< and of the hardware generation network.
  int generator_networks = 10000;   ///< Networks whose best design is searched exhaustively.
  int test_networks = 1000;         ///< Others, to judge both on.
  int batch = 256;                  ///< Pairs or networks per step.
  double evaluator_lr = 3e-3;       ///< First learning rate of both; falls to 0 as a cosine.
  Penalty penalty = Penalty::Cost;  ///< Macs and None are baselines.
  double penalty_weight = 1.0;      ///< lambda_2, of the penalty relative to random networks'.
  double warmup_epochs = 2.0;       ///< The penalty's weight rises from 0 over so many epochs.
  double choice_lr = 0.1;           ///< Of the architecture parameters, by Adam.
  int choice_every = 4;             ///< Steps of the weights per step of these.
  double temperature = 1.0;         ///< Of the softmax that their gradient goes through.
};

/// The search for a network and an accelerator together. A limit of 0 is none.
struct CodesignConfig {
  std::string method = "semi_decoupled";  ///< coupled, decoupled, semi_decoupled, dance, random.
  std::string designs;                    ///< File of the design space (configs/designs).
  std::string accuracies;                 ///< CSV of known accuracies; empty: the supernet judges.
  std::string accuracy_column = "accuracy";
  int batch = 1;                ///< Images a design works on at a time.
  double max_latency_ms = 0.0;  ///< Per batch.
  double max_energy = 0.0;      ///< Per batch, in the unit of the designs' energy table.
  double max_area_mm2 = 0.0;
  double max_power_mw = 0.0;  ///< Mean, energy / latency: needs an energy table in pJ.
  std::string proxy;          ///< Name of the proxy design; empty: the middle one.
  int limit_levels = 0;       ///< Stage 1: limits per metric; 0: the proxy's whole front.
  int set_size = 0;           ///< Most networks that go on to stage 2; 0: all.
  int rank_networks = 200;    ///< Sample that rank correlations are taken on.
  double rank_warning = 0.9;  ///< Warns of designs whose Spearman is below.
  std::int64_t exhaustive_pairs = 200000000;  ///< Up to so many pairs, coupled tries them all.
  DanceConfig dance;
  int pairs_written =
      100000;  ///< Most lines of pairs.csv; the front is written whatever their number.
};

/// Whether a device, as open_device() takes it, is a GPU.
inline bool is_cuda(const std::string& device) {
  return device.starts_with("cuda");
}

/// Everything a run needs, as one JSON file gives it.
struct Config {
  std::string name = "run";
  std::uint64_t seed = 1;
  double checkpoint_minutes = 10;  ///< Training state is saved at least this often,
  int checkpoint_steps = 0;        ///< and after so many steps; 0: by time alone.
  SpaceDescription space;
  DeviceConfig device;
  DataConfig data;
  LatencyConfig latency;
  SupernetConfig supernet;
  ScoreConfig score;
  ShrinkConfig shrink;
  SearchConfig search;
  RetrainConfig retrain;
  CodesignConfig codesign;
  LogConfig log;

  /// The device whose latency counts, as open_device() takes it.
  const std::string& latency_device() const {
    return latency.device.empty() ? device.type : latency.device;
  }
};

}  // namespace hsconas
