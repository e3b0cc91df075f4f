#include "hsconas/codesign/compressed_accuracies.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/hash.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

constexpr std::string_view kCompressedHeader = "weights,start,arch,bits,accuracy,crc32";

}  // namespace

std::string encode_bits(std::span<const int> bits) {
  return fmt::format("{}", fmt::join(bits, "-"));
}

CompressedAccuracies::CompressedAccuracies(const SearchSpace& space, CompressedEvaluator& evaluator,
                                           File file)
    : space_(space), evaluator_(evaluator), file_(std::move(file)) {
  if (file_.path.empty()) return;
  lines_.emplace(file_.path, false, file_.files);
  lines_->append(kCompressedHeader);
  if (file_.files.exists(file_.path)) read(file_.files.read(file_.path));
}

void CompressedAccuracies::read(const std::string& contents) {
  auto lines = split(contents, '\n');
  if (lines.back().empty()) lines.pop_back();
  const auto fail = [this](std::size_t line, std::string_view problem) {
    throw Error(ErrorKind::Data,
                fmt::format("{}, line {}: {}", file_.path.string(), line, problem));
  };
  if (lines.empty() || lines[0] != kCompressedHeader) {
    fail(1, fmt::format("must be '{}'; with accuracies of another codesign.method, use --overwrite",
                        kCompressedHeader));
  }
  for (std::size_t i = 1; i < lines.size(); ++i) {
    try {
      read_line(lines[i]);
    } catch (const Error& error) {
      fail(i + 1,
           fmt::format("{}; remove the line, and its network is tested again", error.what()));
    }
  }
}

void CompressedAccuracies::read_line(const std::string& line) {
  const auto fields = split(line, ',');
  if (fields.size() != 6) {
    throw Error(ErrorKind::Data, fmt::format("has {} fields, not 6", fields.size()));
  }
  if (fields[5] != crc32_of(line.substr(0, line.rfind(',')))) {
    throw Error(ErrorKind::Data, "does not match its checksum");
  }
  double accuracy = -1.0;
  const char* last = fields[4].data() + fields[4].size();
  const auto [end, error] = std::from_chars(fields[4].data(), last, accuracy);
  if (error != std::errc() || end != last || !(accuracy >= 0.0 && accuracy <= 1.0)) {
    throw Error(ErrorKind::Data, fmt::format("accuracy '{}' is not in [0, 1]", fields[4]));
  }
  keep(join({fields[0], fields[1], fields[2], fields[3]}, ","), accuracy);
}

std::string CompressedAccuracies::key_of(const CompressedNetwork& network) const {
  return fmt::format("{},{},{},{}", file_.weights, network.start, space_.encode(network.arch),
                     encode_bits(network.bits));
}

void CompressedAccuracies::keep(const std::string& key, double accuracy) {
  if (!known_.emplace(key, accuracy).second || !lines_) return;
  const std::string line = key + "," + format_exact(accuracy);
  lines_->append(line + "," + crc32_of(line));
}

std::vector<double> CompressedAccuracies::accuracies(std::span<const CompressedNetwork> networks) {
  std::vector<CompressedNetwork> missing;
  std::set<std::string> asked;
  for (const CompressedNetwork& network : networks) {
    const std::string key = key_of(network);
    if (!known_.contains(key) && asked.insert(key).second) missing.push_back(network);
  }
  evaluate(missing);
  std::vector<double> result;
  for (const CompressedNetwork& network : networks) result.push_back(known_.at(key_of(network)));
  return result;
}

void CompressedAccuracies::evaluate(std::span<const CompressedNetwork> networks) {
  const auto ranks = static_cast<std::size_t>(file_.files.group()->size());
  for (; !networks.empty(); networks = networks.subspan(std::min(ranks, networks.size()))) {
    const auto chunk = networks.first(std::min(ranks, networks.size()));
    const std::vector<double> accuracies = evaluator_.accuracy(chunk);
    if (accuracies.size() != chunk.size()) {
      throw Error(ErrorKind::Internal, fmt::format("{} accuracies for {} compressed networks",
                                                   accuracies.size(), chunk.size()));
    }
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      if (!(accuracies[i] >= 0.0 && accuracies[i] <= 1.0)) {
        throw Error(ErrorKind::Internal, fmt::format("accuracy {} of {} is not in [0, 1]",
                                                     accuracies[i], key_of(chunk[i])));
      }
      keep(key_of(chunk[i]), accuracies[i]);
      ++evaluations_;
    }
    if (lines_) lines_->flush();
  }
}

}  // namespace hsconas
