#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/data/image_source.hpp"
#include "hsconas/data/transform.hpp"

namespace hsconas {

/// Identifies the content of one part of a data set: its classes and images in order (see
/// ImageSource::fingerprint()), independent of its path.
struct DataIdentity {
  std::int64_t images = 0;
  std::string fingerprint;

  bool operator==(const DataIdentity&) const = default;
};

/// Reads every image of `source` on `workers` threads. Throws what ImageSource::fingerprint()
/// throws.
DataIdentity identify(const ImageSource& source, const std::vector<std::string>& classes,
                      int workers);

/// An opened data set with labels. All images of both parts have `channels` channels.
struct Dataset {
  std::shared_ptr<const ImageSource> train;  ///< Null when only the test part was opened.
  std::shared_ptr<const ImageSource> test;
  std::vector<std::string> classes;  ///< Index = label.
  int channels = 0;                  ///< 1 for idx, else 3.
  /// Identities of the complete parts, before data.test_images is applied and undecodable images
  /// are dropped. Empty when only the test part was opened.
  DataIdentity train_identity{}, test_identity{};
};

/// Opens the data set that `config` names; `config.image_size` has been resolved (> 0).
///
/// - builtin: make_builtin(). cifar10, cifar100: read_cifar(). idx: read_idx().
/// - folder: path/train, and the first of path/test, val, valid and validation that has the same
///   class folders. Each holds one folder of JPEG and PNG files per class, see index_folder(). A
///   class without training images is an error, one without test images a warning. A set that fits
///   data.memory_mb at image_size is decoded once and kept, unless augment is imagenet, which cuts
///   its crops out of the original images.
///
/// When `test_images` is set, that many test images are drawn by `seed`, each class in proportion
/// to its size. Damaged files are skipped with a warning; many of them are an error, see Damage.
/// Damage inside the compressed data of a set that is not kept in memory is found only when the
/// image is used; load() then throws Error(Data) that names the file, and the run stops.
/// Throws Error(Data) for missing, damaged or contradictory files, Error(Usage) for settings that
/// the set cannot meet.
Dataset open_dataset(const DataConfig& config, std::uint64_t seed, Log& log);

/// Opens only the test part, for a network trained on `classes`; with data.format folder,
/// path/train need not exist. Throws what open_dataset() throws, and Error(Data) that names a class
/// that is missing or unknown.
Dataset open_test_set(const DataConfig& config, const std::vector<std::string>& classes,
                      std::uint64_t seed, Log& log);

/// Disjoint sets of images in Dataset::train: ascending indices.
struct Split {
  std::vector<std::int64_t> train;
  std::vector<std::int64_t> holdout;
};

/// Sets holdout_images aside and takes train_images of the rest (0: all of it). Both keep the
/// proportions of the classes to within one image. The choice depends only on `seed` and the
/// labels: the held-out images do not depend on train_images, and a smaller train_images selects a
/// subset. Throws Error(Usage) when the set is too small.
Split split_training_set(const Dataset& set, const DataConfig& config, std::uint64_t seed);

/// The preprocessing that `config` asks for, with the normalisation measured on split.train.
Preprocessing make_preprocessing(const DataConfig& config, const Dataset& set, const Split& split,
                                 std::uint64_t seed);

/// The indices of all images of `source`: 0, 1, ..., size - 1.
std::vector<std::int64_t> all_indices(const ImageSource& source);

}  // namespace hsconas
