#pragma once

#include <string>

#include "hsconas/base/control_groups.hpp"
#include "hsconas/base/files.hpp"
#include "support/temporary_folder.hpp"

namespace hsconas {

/// A folder of control groups like /sys/fs/cgroup, and a process in one of them.
class ExampleGroups {
 public:
  explicit ExampleGroups(const std::string& membership) {
    write_file(folder_ / "membership", membership);
  }
  void set(const std::string& group, const std::string& file, const std::string& text) const {
    make_folder(folder_ / "mount" / group);
    write_file(folder_ / "mount" / group / file, text);
  }
  ControlGroups groups() const { return {folder_ / "membership", folder_ / "mount"}; }

 private:
  TemporaryFolder folder_;
};

}  // namespace hsconas
