#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "hsconas/base/log.hpp"

namespace hsconas {

/// Files that a data set leaves out, counted by reason, so that each reason gets one warning.
class LeftOut {
 public:
  void add(const std::filesystem::path& path, const std::string& reason);
  void report(const std::filesystem::path& root, Log& log) const;

 private:
  std::map<std::string, std::pair<int, std::string>> by_reason_;
};

struct Listing {
  std::vector<std::string> folders;
  std::vector<std::string> files;
};

/// The contents of `folder`, sorted, without hidden files and folders. Throws Error(Data) if it
/// cannot be listed.
Listing list_folder(const std::filesystem::path& folder, LeftOut& left_out);

/// The folders of one split that have been read so far, so that none is read twice by way of links.
class ReadFolders {
 public:
  explicit ReadFolders(const std::filesystem::path& root);

  enum class Answer { Read, Around, Again };

  /// Asks whether `folder` of class `name` is to be read, and enters it if so. Around: it is one of
  /// the folders entered and not left, or contains one. Again: it was read for the same class.
  /// Throws Error(Data) when it was read for another class.
  Answer enter(const std::filesystem::path& folder, const std::string& name);
  void leave() { around_.pop_back(); }

 private:
  struct Known {
    std::string name;              ///< Of the class.
    std::filesystem::path folder;  ///< As it was named first.
  };

  std::vector<std::filesystem::path> around_;
  std::map<std::filesystem::path, Known> read_;
};

/// All files below one class's folder, at any depth. Throws Error(Data) if a folder cannot be
/// listed or belongs to two classes.
class ClassWalk {
 public:
  ClassWalk(const std::filesystem::path& root, std::string name, ReadFolders& read,
            LeftOut& left_out);
  /// Sorted, relative to the class's folder.
  std::vector<std::string>& files() { return files_; }
  bool has_folders() const { return has_folders_; }

 private:
  void walk(const std::filesystem::path& below);

  std::filesystem::path folder_;
  std::string name_;
  ReadFolders& read_;
  LeftOut& left_out_;
  std::vector<std::string> files_;
  bool has_folders_ = false;
};

}  // namespace hsconas
