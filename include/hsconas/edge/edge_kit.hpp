#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "hsconas/base/log.hpp"
#include "hsconas/config/config.hpp"
#include "hsconas/latency/table.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// One ONNX model of a kit.
struct KitModel {
  std::string file;  ///< Name in the kit's folder, such as "block0000.onnx".
  std::string role;  ///< "block", or the use of a whole network: "fit", "test" or "spread".
  std::string key;   ///< Block::key(), or a network as encoded by SearchSpace::encode().
  int channels = 0;  ///< Channels of the input "images" [batch, channels, size, size].
  int size = 0;
};

/// A folder to be copied to a remote device, with everything that must be timed there to make the
/// device's latency table:
/// - block*.onnx, network*.onnx: every block of the table, and whole networks to fit and test it.
///   Their weights are random and stored as ONNX external data in one shared weights.bin, so that
///   the kit is hardly larger than one network.
/// - manifest.csv (file,role,key,batch,channels,size) for the runners, and manifest.json (format
///   "hsconas-kit-1", with the space) for the import of the results.
/// - run.py for ONNX Runtime and run_trtexec.sh for TensorRT. Both write results.csv (columns
///   file,ms; run.py adds low,high,n).
/// In an int8 kit, blocks take and return the integers that they exchange inside a network; images
/// and logits are fp32. It has no run_trtexec.sh, because TensorRT takes no integers from 0 to 255.
struct EdgeKit {
  SpaceDescription space;
  int batch = 1;
  bool is_int8 = false;
  std::string reference;  ///< The block that is timed repeatedly to detect noise, see MachineNoise.
  std::vector<KitModel> models;
};

/// The precision that the table of an int8 kit names.
inline constexpr const char* kInt8Precision = "int8";

/// Plans the kit for `space`. As for a table measured on this machine, latency.batch,
/// latency.bias_networks and latency.test_networks apply. "spread" networks are spread evenly over
/// the range of multiply-adds, because times are not known yet.
EdgeKit plan_edge_kit(const SearchSpace& space, const LatencyConfig& config, std::uint64_t seed,
                      Log& log);

/// Writes a kit into `folder`, with weights drawn by `seed`. Throws Error(Usage) when the folder
/// exists and is not empty, Error(Data) when it cannot be written.
void write_edge_kit(const std::filesystem::path& folder, const EdgeKit& kit, std::uint64_t seed);

/// Reads manifest.json in `folder`. Throws Error(Data) that names the file when it is missing or
/// invalid.
EdgeKit load_edge_kit(const std::filesystem::path& folder);

/// Makes a latency table from `results`, a results.csv of this kit: times of the single blocks,
/// corrected with the "fit" networks and tested on the others. Throws Error(Data) that names the
/// file and line of an unknown model, a model given twice or a time that is not above 0, and
/// Error(Data) that counts missing models and names the first.
LatencyTable table_of_results(const std::filesystem::path& results, const EdgeKit& kit,
                              const DeviceInfo& device);

}  // namespace hsconas
