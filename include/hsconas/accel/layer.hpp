#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// Word widths of a layer; 0: that of the design (Accelerator::bits).
struct LayerBits {
  std::int64_t input = 0, weight = 0;
  std::int64_t output =
      0;  ///< Of the results as they are stored; 0: as wide as the design's inputs.

  bool any() const { return input != 0 || weight != 0 || output != 0; }
  bool operator==(const LayerBits&) const = default;
};

/// One layer with multiply-adds: a convolution, possibly grouped or depthwise, or a matrix product
/// (r = s = oy = 1). In the usual notation:
///
///   O[n][g][k][oy][ox] = sum over c, r, s of
///     W[g][k][c][r][s] * I[n][g][c][oy * stride + r * dilation - pad][ox * stride + ...]
///
/// k and c count per group: a depthwise layer over 32 channels has g = 32, k = c = 1.
struct Layer {
  std::string name;
  std::int64_t n = 1;               ///< Images in a batch.
  std::int64_t g = 1;               ///< Groups.
  std::int64_t k = 1;               ///< Filters of a group.
  std::int64_t c = 1;               ///< Input channels of a group.
  std::int64_t r = 1, s = 1;        ///< Window: rows, columns.
  std::int64_t oy = 1, ox = 1;      ///< Output: rows, columns.
  std::int64_t in_y = 1, in_x = 1;  ///< Input: rows, columns, without padding.
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
  std::int64_t pad_y = 0, pad_x = 0;  ///< Zero rows above and columns left of the input.
  int count = 1;                      ///< How often the network holds this layer.
  LayerBits bits;

  bool operator==(const Layer&) const = default;

  std::int64_t macs() const { return n * g * k * c * r * s * oy * ox; }
  std::int64_t weights() const { return g * k * c * r * s; }
  std::int64_t outputs() const { return n * g * k * oy * ox; }
  /// Words of the input up to the last row and column that an output reads. Rows and columns that a
  /// large stride skips between windows count, padding does not.
  std::int64_t inputs() const { return n * g * c * used_y() * used_x(); }
  std::int64_t used_y() const { return used(in_y, oy, r, pad_y); }
  std::int64_t used_x() const { return used(in_x, ox, s, pad_x); }

 private:
  std::int64_t used(std::int64_t in, std::int64_t out, std::int64_t window,
                    std::int64_t pad) const {
    const std::int64_t last = (out - 1) * stride + (window - 1) * dilation + 1 - pad;
    return last < in ? last : in;
  }
};

/// Parameters of a convolution. Its output size is that of deep learning frameworks:
/// floor((in + 2 pad - dilation (window - 1) - 1) / stride) + 1.
struct ConvShape {
  std::string name = "conv";
  std::int64_t channels = 1;  ///< Input channels of all groups.
  std::int64_t filters = 1;   ///< Output channels of all groups.
  std::int64_t in_y = 1, in_x = 1;
  std::int64_t r = 1, s = 1;
  std::int64_t stride = 1, dilation = 1;
  std::int64_t pad_y = 0, pad_x = 0;
  std::int64_t groups = 1;
  std::int64_t batch = 1;
};

/// Throws Error(Usage) that names the layer: an extent below 1, groups that do not divide the
/// channels, a window larger than the padded input.
Layer make_conv(const ConvShape& shape);

/// `rows` x `depth` times `depth` x `columns`: every row is a pixel, every column a filter.
Layer make_gemm(std::string name, std::int64_t rows, std::int64_t depth, std::int64_t columns);

/// The convolutions and linear layers of a block, in the order in which they run; new operators
/// need nothing here. Pooling, batch norm, activation and the addition of a shortcut are left out,
/// as in MAESTRO, Timeloop and SCALE-Sim.
std::vector<Layer> layers_of(const Block& block);

/// A network as the cost models see it.
struct Network {
  std::string name;
  std::vector<Layer> layers;

  /// Multiply-adds, every layer counted `count` times.
  std::int64_t macs() const;
};

/// Sets the width of the weights of each layer: one per entry of `network.layers`, or a single one
/// for all of them; 0 leaves it to the design. Throws Error(Usage) when their number is another one
/// or a width is not in [0, 64].
void set_weight_bits(Network& network, std::span<const std::int64_t> bits);
/// Sets the width of the inputs of each layer; `bits` and errors as in set_weight_bits(). A layer
/// stores its results with the width of the next layer's inputs, the last one with that of its own.
void set_activation_bits(Network& network, std::span<const std::int64_t> bits);

/// Stem, layers and head of an architecture; layers are named "3:shuffle_k5/2": position in the
/// network (0 is the stem), block, index of the multiplying primitive within it.
Network network_of(const SearchSpace& space, const Architecture& arch);

/// Reads a network file (configs/networks/*.json, docs/accelerators.md) strictly; throws
/// Error(Usage) with the path of the value at fault.
Network read_network(const nlohmann::json& source, const std::string& path = "network");
/// Reads a network from a file, which errors name.
Network load_network(const std::filesystem::path& path);

}  // namespace hsconas
