#include "hsconas/base/control_groups.hpp"

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "hsconas/base/text.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

using Visit = std::function<void(const fs::path& folder)>;

/// Visits `hierarchy` and the groups on the way from it to the group `path`.
void visit_down(const fs::path& hierarchy, const fs::path& path, const Visit& each) {
  each(hierarchy);
  fs::path folder = hierarchy;
  for (const fs::path& part : path.relative_path()) {
    if (part == "..") break;  // A group outside of this container, which sees its own as the root.
    folder /= part;
    each(folder);
  }
}

}  // namespace

void ControlGroups::visit(std::string_view controller, const Visit& each) const {
  std::ifstream file(membership);
  for (std::string line; std::getline(file, line);) {
    // ID:CONTROLLERS:PATH; version 2 names no controllers. Version 1 mounts each list on its own,
    // often with a link from each controller.
    const std::vector<std::string> parts = split(line, ':');
    if (parts.size() < 3) continue;
    const std::vector<std::string> controllers = split(parts[1], ',');
    if (parts[1].empty()) {
      visit_down(mount, parts[2], each);
    } else if (std::find(controllers.begin(), controllers.end(), controller) != controllers.end()) {
      visit_down(mount / controller, parts[2], each);
      visit_down(mount / parts[1], parts[2], each);
    }
  }
}

}  // namespace hsconas
