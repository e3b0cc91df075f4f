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
  std::string file;  ///< In the kit's folder: "block0000.onnx".
  std::string role;  ///< "block", or a network's part: "fit", "test" or "spread".
  std::string key;   ///< Block::key(), or a network as SearchSpace::encode() writes it.
  int channels = 0;  ///< Of the input "images" [batch, channels, size, size].
  int size = 0;
};

/// Everything that has to be timed on a device to make a latency table for it, in a folder that is
/// copied there:
/// - block*.onnx, network*.onnx: every block of the table and whole networks to fit and judge
///   it with. Their weights are random and lie, as ONNX external data, in one weights.bin that all
///   share, so that a kit is little larger than one network;
/// - manifest.csv (file,role,key,batch,channels,size) for the runners, manifest.json (format
///   "hsconas-kit-1", with the space) for the way back;
/// - run.py, for ONNX Runtime, and run_trtexec.sh, for TensorRT. Both write results.csv
///   (file,ms and, from run.py, low,high,n).
struct EdgeKit {
  SpaceDescription space;
  int batch = 1;
  std::string reference;  ///< File of the block that is timed again and again, see MachineNoise.
  std::vector<KitModel> models;
};

/// The kit for `space`: latency.batch, latency.bias_networks and latency.test_networks count, as
/// for a table measured here. Whole networks are spread by multiply-adds.
EdgeKit plan_edge_kit(const SearchSpace& space, const LatencyConfig& config, std::uint64_t seed,
                      Log& log);

/// Writes a kit into `folder`, weights drawn by `seed`. Throws Error(Usage) when the folder is
/// there and not empty, Error(Data) when it cannot be written.
void write_edge_kit(const std::filesystem::path& folder, const EdgeKit& kit, std::uint64_t seed);

/// Reads manifest.json. Throws Error(Data) that names it.
EdgeKit load_edge_kit(const std::filesystem::path& folder);

/// The table that `results` (a results.csv of this kit) make: blocks as timed alone, corrected and
/// judged by the whole networks. Throws Error(Data) that names the file and the line: a model the
/// kit does not have, one given twice, a time that is no number > 0; and, in one sentence, what is
/// missing.
LatencyTable table_of_results(const std::filesystem::path& results, const EdgeKit& kit,
                              const DeviceInfo& device);

}  // namespace hsconas
