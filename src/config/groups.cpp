#include "hsconas/config/groups.hpp"

#include <cstdint>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

void check_groups(std::string_view section, const SupernetConfig& training,
                  const std::string& device) {
  if (training.batch % training.groups != 0) {
    throw Error(ErrorKind::Usage, fmt::format("{0}.groups must divide {0}.batch ({1}), got {2}",
                                              section, training.batch, training.groups));
  }
  if (training.groups > 1 && is_cuda(device)) {
    throw Error(ErrorKind::Usage,
                fmt::format("{0}.groups is {1}, but training on a GPU supports only one group: set "
                            "{0}.groups=1, or device.type=cpu",
                            section, training.groups));
  }
}

void check_processes(std::string_view section, const SupernetConfig& training, int processes) {
  if (processes <= training.groups) return;
  if (processes > training.batch) {
    throw Error(ErrorKind::Usage,
                fmt::format("{} processes but {}.batch is {}: start at most one process per image",
                            processes, section, training.batch));
  }
  int groups = processes;
  while (training.batch % groups != 0) ++groups;
  throw Error(ErrorKind::Usage,
              fmt::format("{0} processes but {1}.groups is {2}: set {1}.groups={3} ({4} images "
                          "each); the result then no longer depends on the number of processes",
                          processes, section, training.groups, groups, training.batch / groups));
}

void check_one_process(const SupernetStageConfig& supernet, int processes) {
  if (processes == 1 || !supernet.learns_choices()) return;
  throw Error(ErrorKind::Usage,
              fmt::format("supernet.method {} works with one process, but {} were started: start "
                          "one, or set supernet.method=single_path",
                          supernet.method, processes));
}

void check_device(const std::string& device, int processes) {
  if (processes == 1 || !device.starts_with("cuda:")) return;
  throw Error(ErrorKind::Usage,
              fmt::format("device.type is {}, but {} processes were started: set device.type=cuda, "
                          "so that each process takes a GPU of its own",
                          device, processes));
}

GroupShare share_of(const SupernetConfig& training, int rank, int processes) {
  const auto begin_of = [&](int r) {
    return static_cast<int>(std::int64_t{r} * training.groups / processes);
  };
  return {.first = begin_of(rank),
          .count = begin_of(rank + 1) - begin_of(rank),
          .images_per_group = training.batch / training.groups};
}

}  // namespace hsconas
