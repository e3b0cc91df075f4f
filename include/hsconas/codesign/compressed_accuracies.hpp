#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hsconas/base/files.hpp"
#include "hsconas/base/group_files.hpp"
#include "hsconas/codesign/compressed_network.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// Bits of the blocks as text: "8-4-4-8"; empty where nothing is rounded.
std::string encode_bits(std::span<const int> bits);

/// Accuracies of compressed networks. No network is evaluated twice from the same start and
/// settings, and each new accuracy becomes a line of a file, so that a run that was stopped
/// evaluates only what is missing. Ranks of a group each keep all accuracies, and make the same
/// calls.
///
/// The file: `weights,start,arch,bits,accuracy,crc32`. `weights` is a fingerprint of everything
/// that accuracies depend on; lines of others are kept but not used. `crc32` is the checksum of the
/// line before its comma.
class CompressedAccuracies {
 public:
  struct File {
    std::filesystem::path path;  ///< Empty: accuracies are kept in memory only.
    std::string weights;         ///< Without commas.
    GroupFiles files{};
  };

  /// The space and the evaluator must outlive this object. Throws Error(Data) that names the file
  /// and the line at fault.
  CompressedAccuracies(const SearchSpace& space, CompressedEvaluator& evaluator, File file);

  /// The accuracy of each network, in order. The file is rewritten after every new one, or after
  /// one for each rank of the group: making one takes longer than writing. Throws Error(Internal)
  /// when the evaluator's answer is no accuracy.
  std::vector<double> accuracies(std::span<const CompressedNetwork> networks);

  /// Networks that the evaluator was asked for; those read from the file do not count.
  std::int64_t evaluations() const { return evaluations_; }

 private:
  std::string key_of(const CompressedNetwork& network) const;
  void read(const std::string& contents);
  /// Takes one line of the file. Throws Error(Data) that says what is wrong with it.
  void read_line(const std::string& line);
  void evaluate(std::span<const CompressedNetwork> networks);
  void keep(const std::string& key, double accuracy);

  const SearchSpace& space_;
  CompressedEvaluator& evaluator_;
  File file_;
  std::map<std::string, double> known_;  ///< By "weights,start,arch,bits".
  std::optional<GrowingFile> lines_;
  std::int64_t evaluations_ = 0;
};

}  // namespace hsconas
