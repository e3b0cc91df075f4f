#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "hsconas/base/process_group.hpp"

namespace hsconas {

/// File access for the ranks of a group: rank 0 alone uses the disk. The others wait, and receive
/// the text that rank 0 read, or its Error. So all ranks agree on which files exist, even if their
/// hosts see a network file system differently.
///
/// Every function is collective, see ProcessGroup. An argument `f` is called on rank 0 only and
/// must not use a GroupFiles of the same group.
class GroupFiles {
 public:
  /// Makes the file access of a process that works alone.
  GroupFiles() : group_(std::make_shared<SingleGroup>()) {}
  explicit GroupFiles(std::shared_ptr<ProcessGroup> group) : group_(std::move(group)) {}

  const std::shared_ptr<ProcessGroup>& group() const { return group_; }

  /// Calls `f`, which changes files or does other work that only one process may do.
  void on_root(const std::function<void()>& f) const;
  /// Returns on all ranks the text that `f` returns.
  std::string from_root(const std::function<std::string()>& f) const { return group_->on_root(f); }
  /// Returns on all ranks whether `f` returns true.
  bool holds_on_root(const std::function<bool()>& f) const;

  /// Returns false also for a path that cannot be looked up; reading it then fails by name.
  bool exists(const std::filesystem::path& path) const;
  /// See read_file() and read_sealed_json().
  std::string read(const std::filesystem::path& path) const;
  nlohmann::json read_sealed_json(const std::filesystem::path& path) const;

 private:
  std::shared_ptr<ProcessGroup> group_;
};

}  // namespace hsconas
