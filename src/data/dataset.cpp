#include "hsconas/data/dataset.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <numeric>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/parallel.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/base/usable_cpus.hpp"
#include "hsconas/data/binary_sets.hpp"
#include "hsconas/data/builtin.hpp"
#include "hsconas/data/folder_source.hpp"
#include "hsconas/data/normalisation.hpp"
#include "hsconas/data/stratify.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

std::vector<std::int64_t> sizes_of(const std::vector<std::vector<std::int64_t>>& by_class) {
  std::vector<std::int64_t> sizes;
  sizes.reserve(by_class.size());
  for (const auto& images : by_class) sizes.push_back(static_cast<std::int64_t>(images.size()));
  return sizes;
}

fs::path data_folder(const DataConfig& config) {
  if (config.path.empty()) {
    throw Error(ErrorKind::Usage, fmt::format("data.path must be set for data.format {}: the "
                                              "folder that holds the data set",
                                              word_of(config.format)));
  }
  fs::path path = config.path;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    throw Error(ErrorKind::Data, fmt::format("data.path: {} does not exist; it must be the folder "
                                             "that holds the data set",
                                             config.path));
  }
  if (!fs::is_directory(path, ignored)) {
    throw Error(ErrorKind::Data, fmt::format("data.path: {} is not a folder", config.path));
  }
  return path;
}

/// Draws config.test_images of `test`, each class in proportion to its size; 0 takes all.
std::shared_ptr<const ImageSource> limit_test(std::shared_ptr<const ImageSource> test,
                                              std::size_t classes, const DataConfig& config,
                                              std::uint64_t seed) {
  if (config.test_images <= 0) return test;
  if (config.test_images > test->size()) {
    throw Error(ErrorKind::Usage,
                fmt::format("data.test_images is {}, but the data set has only {} test images",
                            config.test_images, test->size()));
  }
  const auto by_class = shuffle_by_class(*test, classes, seed, "test images");
  const auto quotas = proportional_quotas(sizes_of(by_class), config.test_images);
  const std::vector<std::int64_t> begin(classes, 0);
  auto taken = take_from_classes(by_class, begin, quotas);
  return std::make_shared<SubsetSource>(std::move(test), std::move(taken));
}

/// The test part of the data set at `root`: the first of test/, val/, valid/ and validation/ with
/// exactly the class folders `classes` and an image in one of them. (ImageNet's test/, for example,
/// has no class folders, because it has no labels, and some tools make a test/ with empty ones.)
/// When none matches, the first with any class folder, so that the caller can report the
/// difference.
fs::path find_test_folder(const fs::path& root, const std::vector<std::string>& classes, Log& log) {
  fs::path fallback;
  fs::path empty;
  for (const char* name : {"test", "val", "valid", "validation"}) {
    std::error_code ignored;
    if (!fs::is_directory(root / name, ignored)) continue;
    const std::vector<std::string> found = class_folders(root / name);
    const bool matches = found == classes;
    if (matches && has_images(root / name)) {
      if (!empty.empty()) {
        log.warn(fmt::format("{}: holds no JPEG or PNG image, so it is not the test part",
                             empty.string()));
      }
      log.info(fmt::format("data: {} is the test part", (root / name).string()));
      return root / name;
    }
    if (matches && empty.empty()) empty = root / name;
    if (fallback.empty() && !found.empty()) fallback = root / name;
  }
  if (!fallback.empty()) return fallback;
  throw Error(ErrorKind::Data,
              fmt::format("data.path: {} must hold a folder test/ or val/ with one "
                          "folder of images per class",
                          root.string()));
}

/// Throws unless a label means the same class in both parts.
void check_same_classes(const FolderSplit& train, const FolderSplit& test, const fs::path& root) {
  if (train.classes == test.classes) return;
  std::vector<std::string> odd;
  std::set_symmetric_difference(train.classes.begin(), train.classes.end(), test.classes.begin(),
                                test.classes.end(), std::back_inserter(odd));
  const bool in_train = std::binary_search(train.classes.begin(), train.classes.end(), odd.front());
  throw Error(ErrorKind::Data,
              fmt::format("{}: the training part has {} classes and the test part {}; '{}' is only "
                          "in the {} part",
                          root.string(), train.classes.size(), test.classes.size(), odd.front(),
                          in_train ? "training" : "test"));
}

/// The classes without an image in `source`.
std::vector<std::string> empty_classes(const ImageSource& source,
                                       const std::vector<std::string>& classes) {
  std::vector<std::int64_t> count(classes.size(), 0);
  for (std::int64_t i = 0; i < source.size(); ++i) {
    ++count[static_cast<std::size_t>(source.label(i))];
  }
  std::vector<std::string> empty;
  for (std::size_t label = 0; label < classes.size(); ++label) {
    if (count[label] == 0) empty.push_back(classes[label]);
  }
  return empty;
}

/// The first few names, quoted.
std::string quoted(std::vector<std::string> names) {
  constexpr std::size_t kNamed = 5;
  const std::size_t more = names.size() - std::min(names.size(), kNamed);
  names.resize(names.size() - more);
  for (std::string& name : names) name = fmt::format("'{}'", name);
  return join(names, ", ") + (more > 0 ? fmt::format(" and {} more", more) : "");
}

/// The reason why no image of `folder` can be used.
std::string why_without_images(const fs::path& folder, const Damage& damage) {
  const std::string* first = damage.first_in(folder.string());
  if (first == nullptr) return "no JPEG or PNG image";
  return fmt::format("no JPEG or PNG image that can be read (the first: {})", *first);
}

void check_no_class_is_empty(const FolderSplit& train, const fs::path& root) {
  const auto empty = empty_classes(*train.source, train.classes);
  if (empty.empty()) return;
  throw Error(ErrorKind::Data, fmt::format("{}: class {} has {}", root.string(), quoted(empty),
                                           why_without_images(root / empty.front(), train.damage)));
}

/// Throws if there is no test image at all.
void check_has_images(const FolderSplit& test, const fs::path& root) {
  if (test.source->size() > 0) return;
  throw Error(
      ErrorKind::Data,
      fmt::format("{}: holds {}; put images into its class folders or, if another folder holds "
                  "the test images, delete this one",
                  root.string(), why_without_images(root, test.damage)));
}

/// Warns when classes have no test image; the test part can still measure the other classes.
void warn_of_empty_classes(const FolderSplit& test, const fs::path& root, Log& log) {
  const auto empty = empty_classes(*test.source, test.classes);
  if (empty.empty()) return;
  log.warn(fmt::format("{}: class {} has {}, so accuracy on the test part says nothing about it",
                       root.string(), quoted(empty),
                       why_without_images(root / empty.front(), test.damage)));
}

bool fits_in_memory(const DataConfig& config, std::int64_t images) {
  constexpr double kBytesPerMegabyte = 1024.0 * 1024.0;
  constexpr double kChannels = 3.0;
  const double bytes =
      static_cast<double>(images) * kChannels * config.image_size * config.image_size;
  return bytes <= config.memory_mb * kBytesPerMegabyte;
}

/// Both parts and their identities.
struct OpenedParts {
  TrainTest set;
  DataIdentity train, test;
};

OpenedParts open_folder(const DataConfig& config, std::uint64_t seed, Log& log) {
  const fs::path root = data_folder(config);
  std::error_code ignored;
  if (!fs::is_directory(root / "train", ignored)) {
    throw Error(ErrorKind::Data, fmt::format("data.path: {} must hold a folder train/ with one "
                                             "folder of images per class",
                                             root.string()));
  }
  if (config.image_size <= 0) {
    throw Error(ErrorKind::Internal, "data.image_size must be resolved before the data are opened");
  }
  const fs::path test_root = find_test_folder(root, class_folders(root / "train"), log);
  const int workers = threads_for(config.workers);
  FolderSplit train = index_folder(root / "train", workers, log);
  FolderSplit test = index_folder(test_root, workers, log);
  check_same_classes(train, test, test_root);
  check_has_images(test, test_root);
  warn_of_empty_classes(test, test_root, log);
  // The identity is taken from the files, not from decoded images: whether images are decoded into
  // memory depends on settings that change no result, so it must not change the identity.
  OpenedParts parts{.set = {},
                    .train = identify(*train.source, train.classes, workers),
                    .test = identify(*test.source, test.classes, workers)};
  test.source = limit_test(test.source, test.classes.size(), config, seed);

  const bool keeps = config.augment != Augment::Imagenet &&
                     fits_in_memory(config, train.source->size() + test.source->size());
  if (keeps) {
    for (FolderSplit* split : {&train, &test}) {
      constexpr int kChannels = 3;
      split->source =
          keep_in_memory(*split->source, config.image_size, kChannels, workers, split->damage);
    }
  }
  train.damage.report(log);
  test.damage.report(log);
  check_no_class_is_empty(train, root / "train");
  check_has_images(test, test_root);  // Again, because decoding may have found more damage.
  log.detail(fmt::format("data: {} are {}", root.string(),
                         keeps ? "kept in memory, decoded" : "decoded whenever they are used"));
  parts.set = {train.source, test.source, train.classes};
  return parts;
}

OpenedParts open_parts(const DataConfig& config, std::uint64_t seed, Log& log) {
  TrainTest set;
  switch (config.format) {
    case DataFormat::Folder:
      return open_folder(config, seed, log);
    case DataFormat::Builtin:
      set = make_builtin(threads_for(config.workers));
      break;
    case DataFormat::Cifar10:
      set = read_cifar(data_folder(config), CifarKind::Cifar10);
      break;
    case DataFormat::Cifar100:
      set = read_cifar(data_folder(config), CifarKind::Cifar100);
      break;
    case DataFormat::Idx:
      set = read_idx(data_folder(config));
      break;
  }
  OpenedParts parts{.set = {},
                    .train = identify(*set.train, set.classes, threads_for(config.workers)),
                    .test = identify(*set.test, set.classes, threads_for(config.workers))};
  set.test = limit_test(set.test, set.classes.size(), config, seed);
  parts.set = std::move(set);
  return parts;
}

/// Throws unless the test part has exactly the classes that the network was trained on.
void check_known_classes(const std::vector<std::string>& found,
                         const std::vector<std::string>& known, const fs::path& root) {
  for (const std::string& name : known) {
    if (std::find(found.begin(), found.end(), name) == found.end()) {
      throw Error(ErrorKind::Data,
                  fmt::format("{}: the folder of class '{}' is missing; the network knows {} "
                              "classes, here are {}",
                              root.string(), name, known.size(), found.size()));
    }
  }
  for (const std::string& name : found) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw Error(ErrorKind::Data,
                  fmt::format("{}: '{}' is no class that the network knows", root.string(), name));
    }
  }
}

}  // namespace

DataIdentity identify(const ImageSource& source, const std::vector<std::string>& classes,
                      int workers) {
  std::vector<std::uint64_t> prints(static_cast<std::size_t>(source.size()));
  in_parallel(workers, prints.size(), [&](std::size_t, std::size_t i) {
    prints[i] = source.fingerprint(static_cast<std::int64_t>(i));
  });
  std::string all;
  for (const std::string& name : classes) all += fmt::format("{} {}\n", name.size(), name);
  for (std::size_t i = 0; i < prints.size(); ++i) {
    all += fmt::format("{} {:x}\n", source.label(static_cast<std::int64_t>(i)), prints[i]);
  }
  return {source.size(), hsconas::fingerprint(all)};
}

Dataset open_dataset(const DataConfig& config, std::uint64_t seed, Log& log) {
  OpenedParts opened = open_parts(config, seed, log);
  TrainTest& parts = opened.set;
  Dataset set{std::move(parts.train),  std::move(parts.test), std::move(parts.classes), 0,
              std::move(opened.train), std::move(opened.test)};
  set.channels = config.format == DataFormat::Idx ? 1 : 3;
  log.info(fmt::format("data: {}, {} training and {} test images of {} classes",
                       config.format == DataFormat::Builtin ? word_of(config.format) : config.path,
                       set.train->size(), set.test->size(), set.classes.size()));
  return set;
}

Dataset open_test_set(const DataConfig& config, const std::vector<std::string>& classes,
                      std::uint64_t seed, Log& log) {
  Dataset set{.train = nullptr, .test = nullptr, .classes = {}, .channels = 3};
  if (config.format == DataFormat::Folder) {
    std::vector<std::string> sorted = classes;
    std::sort(sorted.begin(), sorted.end());
    const fs::path root = find_test_folder(data_folder(config), sorted, log);
    FolderSplit test = index_folder(root, threads_for(config.workers), log);
    check_known_classes(test.classes, classes, root);
    check_has_images(test, root);
    test.damage.report(log);
    warn_of_empty_classes(test, root, log);
    set.test = limit_test(test.source, test.classes.size(), config, seed);
    set.classes = std::move(test.classes);
    return set;
  }
  TrainTest parts = open_parts(config, seed, log).set;
  if (parts.classes.size() != classes.size()) {
    throw Error(ErrorKind::Data, fmt::format("the data set has {} classes, the network knows {}",
                                             parts.classes.size(), classes.size()));
  }
  set.test = std::move(parts.test);
  set.classes = std::move(parts.classes);
  set.channels = config.format == DataFormat::Idx ? 1 : 3;
  return set;
}

Split split_training_set(const Dataset& set, const DataConfig& config, std::uint64_t seed) {
  const std::int64_t size = set.train->size();
  const std::int64_t rest = size - config.holdout_images;
  if (config.holdout_images < 0 || rest <= 0) {
    throw Error(ErrorKind::Usage,
                fmt::format("data.holdout_images is {}, but the data set has only "
                            "{} training images, and some must be left to train on",
                            config.holdout_images, size));
  }
  if (config.train_images > rest) {
    throw Error(ErrorKind::Usage,
                fmt::format("data.train_images is {}, but only {} images are left "
                            "after data.holdout_images",
                            config.train_images, rest));
  }
  const std::size_t classes = set.classes.size();
  const auto by_class = shuffle_by_class(*set.train, classes, seed, "holdout");
  std::vector<std::int64_t> left = sizes_of(by_class);
  const auto held = proportional_quotas(left, config.holdout_images);
  for (std::size_t c = 0; c < classes; ++c) left[c] -= held[c];
  const auto used = config.train_images > 0 ? proportional_quotas(left, config.train_images) : left;
  const std::vector<std::int64_t> begin(classes, 0);
  return {take_from_classes(by_class, held, used), take_from_classes(by_class, begin, held)};
}

Preprocessing make_preprocessing(const DataConfig& config, const Dataset& set, const Split& split,
                                 std::uint64_t seed) {
  return {config.image_size, set.channels, config.augment,
          measure_normalisation(config, *set.train, split.train, set.channels, seed)};
}

std::vector<std::int64_t> all_indices(const ImageSource& source) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(source.size()));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return indices;
}

}  // namespace hsconas
