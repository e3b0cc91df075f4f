#include "hsconas/embed/embeddings.hpp"

#include <fmt/format.h>

#include "hsconas/base/csv.hpp"
#include "hsconas/base/error.hpp"

namespace hsconas {

Embeddings Embeddings::load(const SearchSpace& space, const std::filesystem::path& csv) {
  const CsvTable table = CsvTable::load(csv);
  const std::size_t arch = table.column("arch");
  const std::size_t columns = table.header().size();
  Embeddings result;
  result.source_ = csv.string();
  result.dimensions_ = columns - 1;
  if (result.dimensions_ == 0) {
    throw Error(ErrorKind::Data, result.source_ + ": has no column beside arch, so no embeddings");
  }
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const Architecture network = table.parsed(
        row, arch, [&](const std::string& text) { return space.canonical(space.decode(text)); });
    if (!result.rows_.emplace(genes_of(network), row).second) {
      table.fail(row, arch, "is a network that an earlier row has: leave out one of them");
    }
    for (std::size_t column = 0; column < columns; ++column) {
      if (column != arch) result.values_.push_back(table.number(row, column));
    }
  }
  return result;
}

void Embeddings::require(const SearchSpace& space, std::span<const Architecture> networks) const {
  for (const Architecture& network : networks) {
    if (rows_.contains(genes_of(space.canonical(network)))) continue;
    throw Error(ErrorKind::Usage,
                fmt::format("{}: has no embedding of network {}: search.embeddings must hold all "
                            "networks that can be chosen, as those that hsconas embed writes for "
                            "this space do",
                            source_, space.encode(network)));
  }
}

std::span<const double> Embeddings::of(const Genes& genes) const {
  return std::span(values_).subspan(rows_.at(genes) * dimensions_, dimensions_);
}

}  // namespace hsconas
