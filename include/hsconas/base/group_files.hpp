#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/base/process_group.hpp"

namespace hsconas {

/// The disk, for files that the ranks of a group share: rank 0 alone looks at it, reads and writes.
/// The others wait, and get what it read or found, or its Error. So all ranks agree on what is
/// there, which each host's own view of a network file system does not promise.
///
/// Every function is collective, see ProcessGroup; what is passed as `f` runs on rank 0 alone and
/// must not use a GroupFiles of the group again.
class GroupFiles {
 public:
  /// Of a process that works alone.
  GroupFiles() : group_(std::make_shared<SingleGroup>()) {}
  explicit GroupFiles(std::shared_ptr<ProcessGroup> group) : group_(std::move(group)) {}

  const std::shared_ptr<ProcessGroup>& group() const { return group_; }

  /// Changes files, or does anything else that only one process may do.
  void on_root(const std::function<void()>& f) const;
  /// The text that `f` gives, for all ranks.
  std::string from_root(const std::function<std::string()>& f) const { return group_->on_root(f); }
  /// What `f` finds, for all ranks.
  bool holds_on_root(const std::function<bool()>& f) const;

  /// False also for what cannot be looked up; that fails, by name, when it is read.
  bool exists(const std::filesystem::path& path) const;
  /// See read_file() and read_sealed_json().
  std::string read(const std::filesystem::path& path) const;
  nlohmann::json read_sealed_json(const std::filesystem::path& path) const;

 private:
  std::shared_ptr<ProcessGroup> group_;
};

}  // namespace hsconas
