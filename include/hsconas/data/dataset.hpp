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

/// What a part of a data set holds, wherever it lies and whatever its folder is called: the classes
/// with their images, in their order, see ImageSource::fingerprint().
struct DataIdentity {
  std::int64_t images = 0;
  std::string fingerprint;

  bool operator==(const DataIdentity&) const = default;
};

/// Throws as ImageSource::fingerprint(); on `workers` threads.
DataIdentity identify(const ImageSource& source, const std::vector<std::string>& classes,
                      int workers);

/// A labelled data set, opened. All images of both parts have `channels` channels.
struct Dataset {
  std::shared_ptr<const ImageSource> train;  ///< Null when only the test part was opened.
  std::shared_ptr<const ImageSource> test;
  std::vector<std::string> classes;  ///< Index = label.
  int channels = 0;                  ///< 1 for idx, else 3.
  /// Of both parts whole: before data.test_images and what could not be decoded. Empty when only
  /// the test part was opened.
  DataIdentity train_identity{}, test_identity{};
};

/// Opens the data set that `config` names; `config.image_size` has been resolved (> 0).
///
/// - builtin: make_builtin(). cifar10, cifar100: read_cifar(). idx: read_idx().
/// - folder: path/train and the first of path/test, val, valid and validation that has the same
/// class
///   folders, each with one folder per class of JPEG and PNG files, index_folder(). A class without
///   training images is an error, one without test images a warning. Unless augment is imagenet,
///   which cuts its crops out of the originals, a set that fits data.memory_mb at image_size is
///   decoded once and kept.
///
/// `test_images` of the test part are kept when set, drawn by `seed`, in equal shares per class.
/// Damaged files are skipped with a warning, many of them are an error: see Damage. Damage inside
/// the compressed data of a set that is not kept in memory shows only when the image is used;
/// load() then throws Error(Data) that names the file, and the run stops.
/// Throws Error(Data) for missing, damaged or contradictory files, Error(Usage) for settings that
/// the set cannot meet.
Dataset open_dataset(const DataConfig& config, std::uint64_t seed, Log& log);

/// The test part alone, for a network that knows `classes`; of a folder, path/train need not be
/// there. Throws as open_dataset(), and Error(Data) that names a class that is missing or unknown.
Dataset open_test_set(const DataConfig& config, const std::vector<std::string>& classes,
                      std::uint64_t seed, Log& log);

/// What Dataset::train is used for. Indices into it, ascending; no index is in both.
struct Split {
  std::vector<std::int64_t> train;
  std::vector<std::int64_t> holdout;
};

/// Sets holdout_images aside and takes train_images of the rest (0: all of it). Both keep the
/// proportions of the classes to within one image, and the choice depends on `seed` and the labels
/// alone; the held-out images do not depend on train_images, and fewer training images are a subset
/// of more. Throws Error(Usage) when the set is too small.
Split split_training_set(const Dataset& set, const DataConfig& config, std::uint64_t seed);

/// data.mean and data.std when given, else measured on up to 1,000 of the images in `indices`,
/// drawn by `seed`. Throws Error(Usage) when the number of given values is not `channels`.
Pixels measure_normalisation(const DataConfig& config, const ImageSource& source,
                             std::span<const std::int64_t> indices, int channels,
                             std::uint64_t seed);

/// The preprocessing that `config` asks for, with the normalisation measured on split.train.
Preprocessing make_preprocessing(const DataConfig& config, const Dataset& set, const Split& split,
                                 std::uint64_t seed);

/// 0, 1, ..., size - 1: every image of `source`.
std::vector<std::int64_t> all_indices(const ImageSource& source);

}  // namespace hsconas
