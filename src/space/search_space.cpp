#include "hsconas/space/search_space.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "hsconas/base/error.hpp"
#include "hsconas/base/json_reader.hpp"
#include "hsconas/base/text.hpp"

namespace hsconas {

namespace {

constexpr int kMaxChannels = 1 << 16;

int ranged(JsonReader& reader, std::string_view key, int fallback, int low, int high) {
  const int value = reader.optional<int>(key, fallback);
  if (value < low || value > high) {
    reader.fail(key, fmt::format("must be in [{}, {}], got {}", low, high, value));
  }
  return value;
}

std::vector<SpaceDescription::Stage> read_stages(JsonReader& reader, const std::string& path) {
  std::vector<SpaceDescription::Stage> stages;
  const auto list = reader.required<nlohmann::json>("stages");
  if (!list.is_array() || list.empty()) reader.fail("stages", "must be a list of stages");
  for (std::size_t i = 0; i < list.size(); ++i) {
    JsonReader item(list[i], fmt::format("{}.stages[{}]", path, i));
    SpaceDescription::Stage stage;
    stage.layers = ranged(item, "layers", 1, 1, 100);
    stage.channels = item.required<int>("channels");
    stage.channels = ranged(item, "channels", 0, 1, kMaxChannels);
    stage.stride = ranged(item, "stride", 2, 1, 2);
    item.finish();
    stages.push_back(stage);
  }
  return stages;
}

std::vector<double> read_widths(JsonReader& reader) {
  auto widths = reader.optional<std::vector<double>>("widths", {1.0});
  if (widths.empty()) reader.fail("widths", "must hold at least one factor");
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (!(widths[i] > 0.0 && widths[i] <= 4.0)) {
      reader.fail("widths", fmt::format("must hold factors in (0, 4], got {}", widths[i]));
    }
    if (i > 0 && widths[i] <= widths[i - 1]) reader.fail("widths", "must ascend");
  }
  return widths;
}

/// `factor` of `full` channels, rounded to a multiple of `divisor` and at most `widest`. Integer
/// arithmetic in thousandths makes 0.7 of 10 channels exactly 7.
int scaled(int full, double factor, int divisor, int widest) {
  const auto thousandths = static_cast<std::int64_t>(std::lround(factor * 1000.0));
  const auto exact = static_cast<int>(std::max<std::int64_t>(1, full * thousandths / 1000));
  const int rounded = std::max(divisor, (exact + divisor / 2) / divisor * divisor);
  return std::min(rounded, widest);
}

int parse_index(std::string_view text, std::string_view whole, int bound, std::string_view what) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value >= bound) {
    throw Error(ErrorKind::Usage, fmt::format("architecture '{}': '{}' is not a{} index in [0, {}]",
                                              whole, text, what, bound - 1));
  }
  return value;
}

[[noreturn]] void invalid(std::string_view key, std::string_view problem) {
  throw Error(ErrorKind::Usage, fmt::format("space.{} {}", key, problem));
}

bool has_groups(const BlockTemplate& pattern) {
  for (const Branch& branch : pattern.branches) {
    for (const Step& step : branch.steps) {
      if (step.kind == PrimitiveKind::Conv && step.groups > 1) return true;
    }
  }
  return false;
}

/// Throws unless widths ascend. A grouped operator may only have its full width: slicing the first
/// inner channels off a grouped convolution would change which channels share a group.
void check_widths(const SpaceDescription& space, const std::vector<const Operator*>& operators) {
  const std::vector<double>& widths = space.widths;
  if (widths.empty()) invalid("widths", "must hold at least one factor");
  if (!(widths.front() > 0.0) ||
      std::adjacent_find(widths.begin(), widths.end(), std::greater_equal<>()) != widths.end()) {
    invalid("widths", "must be positive and ascend");
  }
  if (widths == std::vector<double>{1.0}) return;
  for (const Operator* op : operators) {
    if (has_groups(op->same_shape) || has_groups(op->changed_shape)) {
      invalid("widths", fmt::format("must be [1.0] beside operator {}: slicing its grouped "
                                    "convolutions would change which channels share a group",
                                    op->name));
    }
  }
}

}  // namespace

int SpaceDescription::layers() const {
  if (cell) return static_cast<int>(cell->edges.size());
  int count = 0;
  for (const Stage& stage : stages) count += stage.layers;
  return count;
}

namespace {

SpaceDescription space_of(CellDescription cell) {
  SpaceDescription space;
  space.name = cell.name;
  space.operators = cell.operators;
  space.widths = {1.0};
  space.cell = std::move(cell);
  return space;
}

}  // namespace

SpaceDescription read_space(const nlohmann::json& json, const std::string& path) {
  if (is_cell(json)) return space_of(read_cell(json, path));
  SpaceDescription space;
  JsonReader reader(json, path);
  space.name = reader.required<std::string>("name");
  space.image_size = ranged(reader, "image_size", space.image_size, 1, 4096);
  space.image_channels = ranged(reader, "image_channels", space.image_channels, 1, 4);
  space.classes = ranged(reader, "classes", space.classes, 2, 1'000'000);
  if (reader.has("stem")) {
    JsonReader stem = reader.child("stem");
    space.stem.channels = ranged(stem, "channels", space.stem.channels, 1, kMaxChannels);
    space.stem.kernel = ranged(stem, "kernel", space.stem.kernel, 1, 15);
    if (space.stem.kernel % 2 == 0) stem.fail("kernel", "must be odd");
    space.stem.stride = ranged(stem, "stride", space.stem.stride, 1, 4);
    stem.finish();
  }
  space.stages = read_stages(reader, path);
  if (reader.has("head")) {
    JsonReader head = reader.child("head");
    space.head.channels = ranged(head, "channels", space.head.channels, 1, kMaxChannels);
    space.head.bias = head.optional<bool>("bias", space.head.bias);
    space.head.dropout = head.optional<double>("dropout", space.head.dropout);
    if (!(space.head.dropout >= 0.0 && space.head.dropout < 1.0)) {
      head.fail("dropout", fmt::format("must be in [0, 1), got {}", space.head.dropout));
    }
    head.finish();
  }
  space.operators = reader.required<std::vector<std::string>>("operators");
  space.widths = read_widths(reader);
  space.channel_divisor = ranged(reader, "channel_divisor", 1, 1, 256);
  reader.optional<std::string>("description", "");
  reader.finish();
  return space;
}

nlohmann::json to_json(const SpaceDescription& space) {
  if (space.cell) return to_json(*space.cell);
  nlohmann::json stages = nlohmann::json::array();
  for (const auto& stage : space.stages) {
    stages.push_back(
        {{"layers", stage.layers}, {"channels", stage.channels}, {"stride", stage.stride}});
  }
  return {{"name", space.name},
          {"image_size", space.image_size},
          {"image_channels", space.image_channels},
          {"classes", space.classes},
          {"stem",
           {{"channels", space.stem.channels},
            {"kernel", space.stem.kernel},
            {"stride", space.stem.stride}}},
          {"stages", stages},
          {"head",
           {{"channels", space.head.channels},
            {"bias", space.head.bias},
            {"dropout", space.head.dropout}}},
          {"operators", space.operators},
          {"widths", space.widths},
          {"channel_divisor", space.channel_divisor}};
}

SearchSpace::SearchSpace(SpaceDescription description)
    : description_(std::move(description)), layers_(description_.layers()) {
  if (is_cell()) {
    take_cell_operators();
    return;
  }
  take_operators();
  take_shapes();
  check_blocks();
}

SearchSpace::SearchSpace(CellDescription cell) : SearchSpace(space_of(std::move(cell))) {}

void SearchSpace::take_cell_operators() {
  std::vector<Operator> operators;
  for (const std::string& name : description_.operators) {
    operators.push_back({.name = name, .mid = {}, .same_shape = {}, .changed_shape = {}});
  }
  cell_operators_ = std::make_shared<const std::vector<Operator>>(std::move(operators));
  for (const Operator& op : *cell_operators_) operators_.push_back(&op);
}

void SearchSpace::take_operators() {
  if (description_.stages.empty()) invalid("stages", "must hold at least one stage");
  if (description_.operators.empty()) invalid("operators", "must name at least one operator");
  for (const auto& name : description_.operators) {
    const Operator* op = naming_errors("space.operators", [&] { return &find_operator(name); });
    if (std::find(operators_.begin(), operators_.end(), op) != operators_.end()) {
      invalid("operators", "name " + name + " twice");
    }
    operators_.push_back(op);
  }
  check_widths(description_, operators_);
}

void SearchSpace::take_shapes() {
  LayerShape shape{.in_channels = description_.stem.channels, .in_size = stem().out_size};
  for (const auto& stage : description_.stages) {
    for (int layer = 0; layer < stage.layers; ++layer) {
      shape.out_channels = stage.channels;
      shape.stride = layer == 0 ? stage.stride : 1;
      shapes_.push_back(shape);
      shape.in_channels = shape.out_channels;
      shape.in_size = shape.out_size();
    }
  }
}

/// Building every choice once proves that none can fail later.
void SearchSpace::check_blocks() const {
  for (int layer = 0; layer < layers(); ++layer) {
    for (int op = 0; op < ops(); ++op) {
      for (int width = 0; width < widths(); ++width) {
        try {
          block(layer, {op, width});
        } catch (const Error& error) {
          throw Error(ErrorKind::Usage, fmt::format("space {}, layer {}: {}", description_.name,
                                                    layer, error.what()));
        }
      }
    }
  }
}

void SearchSpace::require_blocks() const {
  if (!is_cell()) return;
  throw Error(ErrorKind::Usage,
              fmt::format("space {} is a cell, whose networks can be searched on known accuracies "
                          "(score.accuracies) but not built: choose a space of layers, such as one "
                          "in configs/spaces",
                          description_.name));
}

int SearchSpace::mid_channels(int layer, LayerChoice choice) const {
  const Operator& chosen = op(choice.op);
  if (!chosen.has_mid()) return 0;
  const int full = full_mid_channels(chosen, shape(layer));
  const int widest = scaled(full, description_.widths.back(), 1, kMaxChannels);
  return scaled(full, description_.widths[static_cast<std::size_t>(choice.width)],
                description_.channel_divisor, widest);
}

Block SearchSpace::block(int layer, LayerChoice choice) const {
  require_blocks();
  return make_block(op(choice.op), shape(layer), mid_channels(layer, choice));
}

Block SearchSpace::widest_block(int layer, int op) const {
  return block(layer, {op, widths() - 1});
}

Block SearchSpace::stem() const {
  require_blocks();
  return make_stem({.in_channels = description_.image_channels,
                    .out_channels = description_.stem.channels,
                    .in_size = description_.image_size,
                    .stride = description_.stem.stride},
                   description_.stem.kernel);
}

Block SearchSpace::head() const {
  require_blocks();
  const LayerShape& last = shapes_.back();
  return make_head(last.out_channels, last.out_size(), description_.head.channels,
                   description_.classes, description_.head.bias);
}

std::vector<Block> SearchSpace::network(const Architecture& arch) const {
  check(arch);
  std::vector<Block> blocks{stem()};
  for (int layer = 0; layer < layers(); ++layer) {
    blocks.push_back(block(layer, arch[static_cast<std::size_t>(layer)]));
  }
  blocks.push_back(head());
  return blocks;
}

Cost SearchSpace::cost(const Architecture& arch) const {
  const auto blocks = network(arch);
  return cost_of(blocks);
}

Architecture SearchSpace::uniform(int op, int width) const {
  return Architecture(static_cast<std::size_t>(layers()),
                      LayerChoice{op, width < 0 ? widths() - 1 : width});
}

Architecture SearchSpace::canonical(Architecture arch) const {
  for (int layer = 0; layer < layers(); ++layer) {
    LayerChoice& choice = arch[static_cast<std::size_t>(layer)];
    const int mid = mid_channels(layer, choice);
    while (choice.width + 1 < widths() &&
           mid_channels(layer, {choice.op, choice.width + 1}) == mid) {
      ++choice.width;
    }
  }
  return arch;
}

void SearchSpace::check(const Architecture& arch) const {
  if (std::ssize(arch) != layers_) {
    throw Error(ErrorKind::Usage, fmt::format("architecture has {} layers, space {} has {}",
                                              arch.size(), description_.name, layers()));
  }
  for (const LayerChoice& choice : arch) {
    if (choice.op < 0 || choice.op >= ops() || choice.width < 0 || choice.width >= widths()) {
      throw Error(ErrorKind::Usage,
                  fmt::format("architecture has choice {}:{}, space {} has {} operators and {} "
                              "widths",
                              choice.op, choice.width, description_.name, ops(), widths()));
    }
  }
}

std::string SearchSpace::encode(const Architecture& arch) const {
  std::vector<std::string> parts;
  for (const LayerChoice& choice : arch) {
    parts.push_back(short_codes() ? fmt::format("{}", choice.op)
                                  : fmt::format("{}:{}", choice.op, choice.width));
  }
  return join(parts, short_codes() ? "" : "-");
}

void SearchSpace::refuse_code(std::string_view text) const {
  throw Error(ErrorKind::Usage,
              fmt::format("architecture '{}' is not the {} digits from 0 to {} of cell {}", text,
                          layers(), ops() - 1, description_.name));
}

Architecture SearchSpace::decode(std::string_view text) const {
  Architecture arch;
  if (is_cell()) {
    for (const char digit : text) arch.push_back({digit - '0', 0});
    const auto is_choice = [this](LayerChoice choice) {
      return choice.op >= 0 && choice.op < ops();
    };
    if (std::ssize(arch) != layers_ || !std::all_of(arch.begin(), arch.end(), is_choice)) {
      refuse_code(text);
    }
    return arch;
  }
  if (short_codes()) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      arch.push_back({parse_index(text.substr(i, 1), text, ops(), "n operator"), 0});
    }
  } else {
    for (const std::string& part : split(text, '-')) {
      const auto pair = split(part, ':');
      if (pair.size() != 2) {
        throw Error(ErrorKind::Usage,
                    fmt::format("architecture '{}': '{}' is not operator:width", text, part));
      }
      arch.push_back({parse_index(pair[0], text, ops(), "n operator"),
                      parse_index(pair[1], text, widths(), " width")});
    }
  }
  if (std::ssize(arch) != layers_) {
    throw Error(ErrorKind::Usage, fmt::format("architecture '{}' has {} layers, space {} has {}",
                                              text, arch.size(), description_.name, layers()));
  }
  return arch;
}

std::string SearchSpace::describe(const Architecture& arch) const {
  std::vector<std::string> parts;
  for (const LayerChoice& choice : arch) {
    const Operator& chosen = op(choice.op);
    const bool has_width = chosen.has_mid() && widths() > 1;
    parts.push_back(has_width
                        ? fmt::format("{} x{:.3g}", chosen.name,
                                      description_.widths[static_cast<std::size_t>(choice.width)])
                        : chosen.name);
  }
  return join(parts, ", ");
}

}  // namespace hsconas
