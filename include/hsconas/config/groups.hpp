#pragma once

#include <string>
#include <string_view>

#include "hsconas/config/config.hpp"

namespace hsconas {

// A training step cuts its batch into `groups` equal parts. The functions below name the config
// keys by their section, "supernet" or "retrain".

/// Throws Error(Usage) if the groups do not divide the batch, or if `device`, named as for
/// open_device(), cannot train on several groups.
void check_groups(std::string_view section, const SupernetConfig& training,
                  const std::string& device);

/// Throws Error(Usage) if a training cannot be shared by `processes` processes: each needs a group.
void check_processes(std::string_view section, const SupernetConfig& training, int processes);

/// Throws Error(Usage) if there are several processes, but supernet.method needs whole batches.
void check_one_process(const SupernetStageConfig& supernet, int processes);

/// Throws Error(Usage) if `device`, named as for open_device(), is one GPU that several processes
/// would share.
void check_device(const std::string& device, int processes);

/// The groups of a batch on which one process trains, and the images of the batch in them.
struct GroupShare {
  int first = 0;
  int count = 1;
  int images_per_group = 1;

  int first_image() const { return first * images_per_group; }
  int images() const { return count * images_per_group; }
};

/// The share of process `rank` of `processes`. The shares differ by at most one group.
GroupShare share_of(const SupernetConfig& training, int rank, int processes);

}  // namespace hsconas
