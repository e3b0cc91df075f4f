#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <torch/script.h>
#include <torch/types.h>

#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/text.hpp"
#include "hsconas/deploy/export.hpp"

namespace hsconas {

namespace {

/// Writes the code of forward() line by line. A value is represented by the name of its variable.
class ScriptWriter {
 public:
  explicit ScriptWriter(torch::jit::Module& module) : module_(module) {}

  std::string block(const FrozenNetwork::Layer& layer, const std::string& input) {
    // Channels-last (2), as in FrozenNetwork::forward().
    const std::string x = let(fmt::format("torch.contiguous({}, memory_format=2)", input));
    std::vector<std::string> outputs;
    std::size_t slot = 0;
    for (const Block::Path& path : layer.block.paths) {
      std::string y = source(x, path.source);
      for (const Primitive& p : path.primitives) {
        y = p.has_weight() ? weighted(p, y, layer.weights[slot++]) : plain(p, y);
      }
      outputs.push_back(std::move(y));
    }
    if (layer.block.merge == Merge::AddInput) return let(outputs.front() + " + " + x);
    if (outputs.size() == 1) return outputs.front();
    return let(fmt::format("torch.cat([{}], 1)", join(outputs, ", ")));
  }

  std::string finish(const std::string& last) const {
    return fmt::format("def forward(self, images: Tensor) -> Tensor:\n{}    return {}\n", body_,
                       last);
  }

 private:
  /// Appends "    v7 = expression", where 7 counts variables, and returns "v7".
  std::string let(const std::string& expression) {
    const std::string name = fmt::format("v{}", values_++);
    body_ += fmt::format("    {} = {}\n", name, expression);
    return name;
  }

  std::string source(const std::string& x, Source source) {
    if (source == Source::All) return x;
    const int first = source == Source::OddChannels ? 1 : 0;
    return let(fmt::format("torch.slice({}, 1, {}, {}, 2)", x, first,
                           std::numeric_limits<std::int64_t>::max()));
  }

  std::string weighted(const Primitive& p, const std::string& x,
                       const FrozenNetwork::Weight& weight) {
    const std::string name = fmt::format("layer_{}", layers_++);
    module_.register_parameter(name + "_weight", weight.value.detach().cpu(), false);
    std::string bias = "None";
    if (weight.bias.defined()) {
      module_.register_parameter(name + "_bias", weight.bias.detach().cpu(), false);
      bias = fmt::format("self.{}_bias", name);
    }
    if (p.kind == PrimitiveKind::Linear) {
      return let(fmt::format("torch.linear({}, self.{}_weight, {})", x, name, bias));
    }
    const int pad = p.kernel / 2;
    return let(
        fmt::format("torch.conv2d({}, self.{}_weight, {}, [{s}, {s}], [{p}, {p}], [1, 1], {})", x,
                    name, bias, p.groups, fmt::arg("s", p.stride), fmt::arg("p", pad)));
  }

  std::string plain(const Primitive& p, const std::string& x) {
    switch (p.kind) {
      case PrimitiveKind::BatchNorm:
        return x;  // Folded into the convolution before it.
      case PrimitiveKind::Relu:
        // In place, as in FrozenRunner: a copy of 1 x 1 images may have other strides, and then the
        // next convolution may use another kernel.
        return let(fmt::format("torch.relu_({})", x));
      case PrimitiveKind::AvgPool:
        return let(fmt::format("torch.avg_pool2d({}, [{k}, {k}], [{s}, {s}], [{p}, {p}])", x,
                               fmt::arg("k", p.kernel), fmt::arg("s", p.stride),
                               fmt::arg("p", p.kernel / 2)));
      case PrimitiveKind::ChannelShuffle: {
        // In NHWC order, as in shuffle_channels().
        const std::string parted = let(
            fmt::format("torch.reshape(torch.permute({}, [0, 2, 3, 1]), [-1, {s}, {s}, {}, {}])", x,
                        p.groups, p.inputs_per_output(), fmt::arg("s", p.in_size)));
        const std::string whole =
            let(fmt::format("torch.reshape(torch.transpose({}, 3, 4), [-1, {s}, {s}, {}])", parted,
                            p.in_channels, fmt::arg("s", p.in_size)));
        return let(fmt::format("torch.permute({}, [0, 3, 1, 2])", whole));
      }
      case PrimitiveKind::GlobalAvgPool:
        return let(fmt::format("torch.mean({}, [2, 3])", x));
      case PrimitiveKind::Conv:
      case PrimitiveKind::Linear:
        break;
    }
    throw Error(ErrorKind::Internal, "a primitive with weights was taken for one without");
  }

  torch::jit::Module& module_;
  std::string body_;
  int values_ = 0;
  int layers_ = 0;
};

}  // namespace

void write_torchscript(const std::filesystem::path& file, const DeployedModel& model) {
  torch::jit::Module module("HsconasNetwork");
  // Python's eval() and train() set this attribute.
  module.register_attribute("training", c10::BoolType::get(), false);
  ScriptWriter writer(module);
  std::string x = "images";
  for (const FrozenNetwork::Layer& layer : model.network.layers()) x = writer.block(layer, x);
  module.define(writer.finish(x));
  std::ostringstream archive;
  module.save(archive);
  write_file(file, archive.str());
}

}  // namespace hsconas
