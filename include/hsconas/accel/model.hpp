#pragma once

#include <cstddef>
#include <vector>

#include "hsconas/accel/cost.hpp"
#include "hsconas/latency/model.hpp"
#include "hsconas/latency/table.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// Latency of a space's architectures on an accelerator design: the cycles of their layers, one
/// after the other, over the clock. Every choice is costed once, so predict_ms() only adds.
class AcceleratorModel : public LatencyModel {
 public:
  /// For batches of `batch` images. Throws Error(Infeasible) that names the buffer when some choice
  /// of the space does not fit it.
  AcceleratorModel(const SearchSpace& space, const Accelerator& design, int batch = 1);

  double predict_ms(const Architecture& arch) const override { return sum(arch, ms_, fixed_ms_); }
  /// Energy of a batch, in the unit of the design's energy table.
  double predict_energy(const Architecture& arch) const {
    return sum(arch, energy_, fixed_energy_);
  }

 private:
  double sum(const Architecture& arch, const std::vector<double>& values, double total) const {
    const double* row = values.data();
    for (const LayerChoice choice : arch) {
      total += row[choice.op * widths_ + choice.width];
      row += row_;
    }
    return total;
  }

  int widths_;
  std::ptrdiff_t row_;               ///< Values per layer.
  double fixed_ms_, fixed_energy_;   ///< Stem and head.
  std::vector<double> ms_, energy_;  ///< [layer][op][width], row-major.
};

/// The latencies of AcceleratorModel as a latency table, so that a run can target a design like a
/// measured device: an entry for every block of `space`, no bias, no error bar. Throws the errors
/// of AcceleratorModel.
LatencyTable accelerator_table(const SearchSpace& space, const Accelerator& design, int batch = 1);

}  // namespace hsconas
