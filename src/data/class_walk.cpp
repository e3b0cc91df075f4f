#include "class_walk.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas {

namespace fs = std::filesystem;

namespace {

/// Whether `name` is a folder that an operating system or a tool creates, hence no class.
bool is_system_folder(std::string_view name) {
  for (const char* known : {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information",
                            "lost+found", "__pycache__"}) {
    if (name == known) return true;
  }
  return false;
}

/// The path without links; `folder` itself where that cannot be found out.
fs::path resolved(const fs::path& folder) {
  std::error_code unknown;
  fs::path real = fs::canonical(folder, unknown);
  return unknown ? folder : real;
}

}  // namespace

void LeftOut::add(const fs::path& path, const std::string& reason) {
  auto& [count, first] = by_reason_[reason];
  if (count++ == 0) first = path.string();
}

void LeftOut::report(const fs::path& root, Log& log) const {
  for (const auto& [reason, what] : by_reason_) {
    log.warn(fmt::format("{}: ignored {} {} {}, the first is {}", root.string(), what.first,
                         what.first == 1 ? "file that is" : "files that are", reason, what.second));
  }
}

Listing list_folder(const fs::path& folder, LeftOut& left_out) {
  Listing listing;
  std::error_code error;
  fs::directory_iterator it(folder, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    std::string name = it->path().filename().string();
    if (name.starts_with('.')) continue;
    std::error_code unknown;
    if (it->is_directory(unknown)) {
      if (is_system_folder(name)) {
        left_out.add(it->path(), "no data but left behind by a system");
      } else {
        listing.folders.push_back(std::move(name));
      }
    } else if (it->is_regular_file(unknown)) {
      listing.files.push_back(std::move(name));
    } else {
      left_out.add(it->path(), fs::exists(it->path(), unknown)
                                   ? "no regular file but a pipe, a socket or a device"
                                   : "no more than a link that leads nowhere");
    }
  }
  if (error) {
    throw Error(ErrorKind::Data,
                fmt::format("{}: cannot be listed: {}", folder.string(), error.message()));
  }
  std::sort(listing.folders.begin(), listing.folders.end());
  std::sort(listing.files.begin(), listing.files.end());
  return listing;
}

ReadFolders::ReadFolders(const fs::path& root) : around_{resolved(root)} {}

ReadFolders::Answer ReadFolders::enter(const fs::path& folder, const std::string& name) {
  const fs::path real = resolved(folder);
  for (const fs::path& inner : around_) {
    const auto [end, unused] = std::mismatch(real.begin(), real.end(), inner.begin(), inner.end());
    if (end == real.end()) return Answer::Around;
  }
  const auto [found, is_new] = read_.try_emplace(real, Known{name, folder});
  if (!is_new && found->second.name == name) return Answer::Again;
  if (!is_new) {
    throw Error(ErrorKind::Data,
                fmt::format("{} and {} are the same folder, so its images would belong to two "
                            "classes; delete one of these links",
                            found->second.folder.string(), folder.string()));
  }
  around_.push_back(real);
  return Answer::Read;
}

ClassWalk::ClassWalk(const fs::path& root, std::string name, ReadFolders& read, LeftOut& left_out)
    : folder_(root / name), name_(std::move(name)), read_(read), left_out_(left_out) {
  walk({});
  std::sort(files_.begin(), files_.end());
}

void ClassWalk::walk(const fs::path& below) {
  const fs::path here = below.empty() ? folder_ : folder_ / below;
  switch (read_.enter(here, name_)) {
    case ReadFolders::Answer::Read:
      break;
    case ReadFolders::Answer::Around:
      if (below.empty()) {
        throw Error(ErrorKind::Data,
                    here.string() +
                        ": this class folder is a link to a folder around it; delete "
                        "the link");
      }
      left_out_.add(here, "a link to a folder around it");
      return;
    case ReadFolders::Answer::Again:
      left_out_.add(here, "another name of a folder that is read already");
      return;
  }
  Listing listing = list_folder(here, left_out_);
  for (const std::string& name : listing.files) files_.push_back((below / name).string());
  for (const std::string& name : listing.folders) walk(below / name);
  has_folders_ = has_folders_ || !listing.folders.empty();
  read_.leave();
}

}  // namespace hsconas
