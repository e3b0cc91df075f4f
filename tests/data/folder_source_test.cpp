#include "hsconas/data/folder_source.hpp"

#include <sys/stat.h>

#include "catch.hpp"
#include "data/support.hpp"
#include "hsconas/base/error.hpp"
#include "hsconas/base/files.hpp"

using namespace hsconas;
using namespace hsconas::test;
using Catch::Matchers::ContainsSubstring;

#if HSCONAS_HAVE_JPEG && HSCONAS_HAVE_PNG

namespace {

std::string jpeg(std::uint8_t value) {
  return encode_jpeg(plain_image(12, 10, {value, 0, 0}));
}

/// A folder with two classes of `each` images, and the messages logged about it.
struct Tree {
  TempFolder folder;
  Log log{Verbosity::Quiet, false};

  explicit Tree(int each) {
    log.attach_file(folder.path() / "log.txt");
    for (int i = 0; i < each; ++i) {
      folder.write("data/cat/" + std::to_string(100 + i) + ".jpg", jpeg(10));
      folder.write("data/ant/" + std::to_string(100 + i) + ".jpg", jpeg(200));
    }
  }
  FolderSplit index() { return index_folder(folder.path() / "data", 2, log); }
  std::string messages() const { return read_file(folder.path() / "log.txt"); }
};

}  // namespace

TEST_CASE("folders are classes in the order of their names", "[data]") {
  Tree tree(2);
  const FolderSplit split = tree.index();
  CHECK(split.classes == std::vector<std::string>{"ant", "cat"});
  REQUIRE(split.source->size() == 4);
  CHECK(split.source->label(0) == 0);
  CHECK(split.source->label(3) == 1);
  CHECK_THAT(split.source->describe(3), ContainsSubstring("cat/101.jpg"));
  Image image;
  split.source->load(0, image, 0);
  CHECK(image.width == 12);
  CHECK(std::abs(image.pixels[0] - 200) < 4);
}

TEST_CASE("a file's format is decided by its first bytes, not by its name", "[data]") {
  Tree tree(1);
  const Image image = plain_image(3, 3, {5, 6, 7});
  tree.folder.write("data/ant/really_png.jpg",
                    encode_png(3, 3, PNG_FORMAT_RGB, image.pixels.data()));
  tree.folder.write("data/ant/no_ending", jpeg(1));
  CHECK(tree.index().source->size() == 4);
}

TEST_CASE("other files are ignored with one warning that names the first", "[data]") {
  Tree tree(1);
  tree.folder.write("data/notes.txt", "x");
  tree.folder.write("data/cat/labels.csv", "x");
  tree.folder.write("data/cat/.hidden", "x");
  tree.folder.write("data/.git/config", "x");
  const FolderSplit split = tree.index();
  CHECK(split.source->size() == 2);
  CHECK(split.classes.size() == 2);
  CHECK(split.damage.count() == 0);
  CHECK_THAT(tree.messages(),
             ContainsSubstring("ignored 2 files") && ContainsSubstring("notes.txt"));
}

TEST_CASE("damaged files are skipped and each is named", "[data]") {
  Tree tree(3);
  tree.folder.write("data/ant/cut.jpg", jpeg(1).substr(0, 300));
  tree.folder.write("data/ant/empty.png", "");
  tree.folder.write("data/cat/no_end.jpg", jpeg(1).substr(0, jpeg(1).size() - 2));
  const FolderSplit split = tree.index();
  CHECK(split.source->size() == 6);
  CHECK(split.damage.count() == 3);
  split.damage.report(tree.log);
  CHECK_THAT(tree.messages(), ContainsSubstring("skipped") && ContainsSubstring("ant/cut.jpg") &&
                                  ContainsSubstring("ant/empty.png") &&
                                  ContainsSubstring("cat/no_end.jpg"));
}

TEST_CASE("a JPEG with other data after its end marker is sound", "[data]") {
  Tree tree(1);
  tree.folder.write("data/ant/long.jpg", jpeg(1) + std::string(5000, 'x'));
  const FolderSplit split = tree.index();
  CHECK(split.source->size() == 3);
  CHECK(split.damage.count() == 0);
}

TEST_CASE("damaged files are an error when they are more than ten and more than one percent",
          "[data]") {
  Log log(Verbosity::Quiet, false);
  Damage few("/d/train", 12);
  for (int i = 0; i < 10; ++i) few.add("a.jpg: cut off");
  CHECK_NOTHROW(few.report(log));
  Damage rare("/d/train", 5000);
  for (int i = 0; i < 50; ++i) rare.add("a.jpg: cut off");
  CHECK_NOTHROW(rare.report(log));
  rare.add("b.jpg: cut off");
  CHECK_THROWS_WITH(rare.report(log),
                    ContainsSubstring("/d/train: 51 of 5000") && ContainsSubstring("a.jpg"));
}

TEST_CASE("damage inside the compressed data is found on decoding, and the error names the file",
          "[data]") {
  Tree tree(2);
  Image noisy;
  noisy.reshape(3, 32, 32);
  for (std::size_t i = 0; i < noisy.pixels.size(); ++i) {
    noisy.pixels[i] = static_cast<std::uint8_t>(i * i * 31 >> 2U);
  }
  const std::string file = encode_jpeg(noisy);
  tree.folder.write("data/ant/hole.jpg", file.substr(0, file.size() / 2) + "\xFF\xD9");
  FolderSplit split = tree.index();
  REQUIRE(split.source->size() == 5);
  REQUIRE(split.damage.count() == 0);
  Image image;
  CHECK_THROWS_WITH(split.source->load(2, image, 0),
                    ContainsSubstring("ant/hole.jpg") && ContainsSubstring("delete it"));

  const auto kept = keep_in_memory(*split.source, 8, 3, 2, split.damage);
  CHECK(split.damage.count() == 1);
  REQUIRE(kept->size() == 4);
  CHECK(kept->label(1) == 0);
  CHECK(kept->label(2) == 1);
  kept->load(2, image, 0);
  CHECK(image.width == 8);
  CHECK(std::abs(image.pixels[0] - 10) < 4);
}

TEST_CASE("a file deleted after indexing is an error that names it", "[data]") {
  Tree tree(1);
  const FolderSplit split = tree.index();
  std::filesystem::remove(tree.folder.path() / "data/ant/100.jpg");
  Image image;
  CHECK_THROWS_WITH(split.source->load(0, image, 0),
                    ContainsSubstring("ant/100.jpg") && ContainsSubstring("No such"));
}

TEST_CASE("nested-folders: folders inside a class's folder belong to the class, at any depth",
          "[data]") {
  Tree tree(1);
  tree.folder.write("data/ant/2019/summer/1.jpg", jpeg(200));
  tree.folder.write("data/ant/2019/0.jpg", jpeg(200));
  tree.folder.write("data/bee/only/deeper/1.jpg", jpeg(90));
  tree.folder.write("data/bee/.cache/1.jpg", jpeg(90));
  const FolderSplit split = tree.index();
  CHECK(split.classes == std::vector<std::string>{"ant", "bee", "cat"});
  REQUIRE(split.source->size() == 5);
  std::vector<int> labels;
  for (std::int64_t i = 0; i < 5; ++i) labels.push_back(split.source->label(i));
  CHECK(labels == std::vector<int>{0, 0, 0, 1, 2});
  CHECK_THAT(split.source->describe(2), ContainsSubstring("ant/2019/summer/1.jpg"));
  Image image;
  split.source->load(2, image, 0);
  CHECK(std::abs(image.pixels[0] - 200) < 4);
  CHECK_THAT(tree.messages(), ContainsSubstring("2 of 3 class folders hold folders (ant, ...)"));
}

TEST_CASE("nested-folders: links to folders are followed, but never in a cycle", "[data]") {
  Tree tree(1);
  tree.folder.write("elsewhere/more.jpg", jpeg(10));
  const auto data = tree.folder.path() / "data";
  std::filesystem::create_directory_symlink("../../elsewhere", data / "cat/linked");
  std::filesystem::create_directory_symlink("../cat", data / "cat/circle");
  std::filesystem::create_directory_symlink("..", data / "cat/outside");
  const FolderSplit split = tree.index();
  CHECK(split.source->size() == 3);
  CHECK_THAT(tree.messages(),
             ContainsSubstring("ignored 2 files that are a link to a folder around it") &&
                 ContainsSubstring((data / "cat/circle").string()));
  std::int64_t linked = 0;
  for (std::int64_t i = 0; i < split.source->size(); ++i) {
    linked += split.source->describe(i).ends_with("cat/linked/more.jpg") ? 1 : 0;
  }
  CHECK(linked == 1);
}

TEST_CASE("a link to a folder above the classes makes no image a member of another class",
          "[data]") {
  Tree tree(2);
  tree.folder.write("data/bee/1.jpg", jpeg(90));
  tree.folder.write("elsewhere/deep/1.jpg", jpeg(10));
  const auto data = tree.folder.path() / "data";
  using std::filesystem::create_directory_symlink;
  create_directory_symlink("..", data / "ant/loop");
  create_directory_symlink(tree.folder.path(), data / "ant/all");
  create_directory_symlink("../../elsewhere/deep", data / "cat/linked");
  create_directory_symlink("..", tree.folder.path() / "elsewhere/deep/up");
  create_directory_symlink("../../data/cat", tree.folder.path() / "elsewhere/deep/back");
  const FolderSplit split = tree.index();
  CHECK(split.classes == std::vector<std::string>{"ant", "bee", "cat"});
  std::vector<int> labels;
  for (std::int64_t i = 0; i < split.source->size(); ++i) labels.push_back(split.source->label(i));
  CHECK(labels == std::vector<int>{0, 0, 1, 2, 2, 2});
  CHECK_THAT(tree.messages(),
             ContainsSubstring("ignored 4 files that are a link to a folder around it") &&
                 ContainsSubstring((data / "ant/all").string()));
}

TEST_CASE("a folder that a class links to twice is read once, and named", "[data]") {
  Tree tree(1);
  tree.folder.write("elsewhere/1.jpg", jpeg(10));
  const auto data = tree.folder.path() / "data";
  std::filesystem::create_directory_symlink("../../elsewhere", data / "cat/a");
  std::filesystem::create_directory_symlink("../../elsewhere", data / "cat/b");
  CHECK(tree.index().source->size() == 3);
  CHECK_THAT(tree.messages(), ContainsSubstring("another name of a folder that is read already") &&
                                  ContainsSubstring((data / "cat/b").string()));
}

TEST_CASE("a folder that links put into two classes is refused with both names", "[data]") {
  using std::filesystem::create_directory_symlink;
  for (const char* link : {"kitten", "ant/cats", "dog/cats"}) {
    Tree tree(1);
    tree.folder.write("data/dog/1.jpg", jpeg(50));
    const auto data = tree.folder.path() / "data";
    create_directory_symlink(data / "cat", data / link);
    CHECK_THROWS_WITH(tree.index(), ContainsSubstring((data / "cat").string() + " ") &&
                                        ContainsSubstring((data / link).string() + " ") &&
                                        ContainsSubstring("two classes; delete one"));
  }
  Tree tree(1);
  const auto data = tree.folder.path() / "data";
  create_directory_symlink("..", data / "round");
  CHECK_THROWS_WITH(tree.index(), ContainsSubstring((data / "round").string() +
                                                    ": this class folder is a link to a folder"));
}

TEST_CASE("class folders that are links to folders elsewhere are read", "[data]") {
  Tree tree(1);
  tree.folder.write("elsewhere/bees/1.jpg", jpeg(10));
  std::filesystem::create_directory_symlink("../elsewhere/bees", tree.folder.path() / "data/bee");
  std::filesystem::create_directory_symlink("data", tree.folder.path() / "link");
  const FolderSplit split = index_folder(tree.folder.path() / "link", 1, tree.log);
  CHECK(split.classes == std::vector<std::string>{"ant", "bee", "cat"});
  CHECK(split.source->size() == 3);
}

TEST_CASE("fifo-in-class: pipes and dangling links are ignored with a warning, never opened",
          "[data]") {
  Tree tree(1);
  const auto data = tree.folder.path() / "data";
  REQUIRE(::mkfifo((data / "cat/pipe").c_str(), 0600) == 0);
  REQUIRE(::mkfifo((data / "cat/pipe.jpg").c_str(), 0600) == 0);
  REQUIRE(::mkfifo((data / "pipe").c_str(), 0600) == 0);
  std::filesystem::create_symlink("nothing.jpg", data / "ant/dangling.jpg");
  std::filesystem::create_symlink("loop.jpg", data / "ant/loop.jpg");
  std::filesystem::create_symlink("100.jpg", data / "ant/sound.jpg");
  const FolderSplit split = tree.index();
  CHECK(split.source->size() == 3);
  CHECK(split.damage.count() == 0);
  CHECK_THAT(tree.messages(),
             ContainsSubstring("ignored 3 files that are no regular file but a pipe") &&
                 ContainsSubstring("ignored 2 files that are no more than a link"));
}

TEST_CASE("small things: a folder that an operating system creates is not a class", "[data]") {
  Tree tree(1);
  tree.folder.write("data/__MACOSX/._1.jpg", "x");
  tree.folder.write("data/cat/@eaDir/1.jpg", jpeg(1));
  tree.folder.write("data/loose.png", "x");
  const FolderSplit split = tree.index();
  CHECK(split.classes == std::vector<std::string>{"ant", "cat"});
  CHECK(split.source->size() == 2);
  CHECK_THAT(tree.messages(),
             ContainsSubstring("ignored 2 files that are no data but left behind by a system") &&
                 ContainsSubstring("ignored 1 file that is outside of all class folders"));
}

TEST_CASE("non-utf8-class: a class folder whose name is not UTF-8 is refused with the name escaped",
          "[data]") {
  Tree tree(1);
  tree.folder.write("data/caf\xE9/1.jpg", jpeg(1));
  CHECK_THROWS_WITH(tree.index(),
                    ContainsSubstring("class folder 'caf\\xE9' is not UTF-8; rename it"));
}

TEST_CASE("images with non-UTF-8 names are read, and the log shows their names escaped", "[data]") {
  Tree tree(1);
  tree.folder.write("data/cat/caf\xE9.jpg", jpeg(10));
  tree.folder.write("data/cat/caf\xE8.jpg", "no image");
  const FolderSplit split = tree.index();
  REQUIRE(split.source->size() == 3);
  Image image;
  split.source->load(2, image, 0);
  CHECK(image.width == 12);
  split.damage.report(tree.log);
  CHECK_THAT(tree.messages(), ContainsSubstring("cat/caf\\xE8.jpg: neither"));
}

TEST_CASE("the message about an image of another format names the format", "[data]") {
  Tree tree(1);
  tree.folder.write("data/cat/1.jpg", std::string("RIFF\x10\0\0\0WEBPVP8 ", 16));
  tree.folder.write("data/cat/2.png", "GIF89a....");
  const FolderSplit split = tree.index();
  split.damage.report(tree.log);
  CHECK_THAT(tree.messages(),
             ContainsSubstring("1.jpg: is a WebP image; hsconas reads JPEG and PNG") &&
                 ContainsSubstring("2.png: is a GIF image"));
}

TEST_CASE("a folder without class folders is an error", "[data]") {
  const TempFolder folder;
  folder.write("train/loose.jpg", jpeg(1));
  Log log(Verbosity::Quiet, false);
  CHECK_THROWS_WITH(index_folder(folder.path() / "train", 1, log),
                    ContainsSubstring("holds no folders"));
}

#else

TEST_CASE("an image that this build cannot decode is an error that says so", "[data]") {
  const TempFolder folder;
  folder.write("train/a/x.jpg", "\xFF\xD8\xFF\xE0 and more");
  folder.write("train/b/x.png", "\x89PNG\r\n\x1A\n and more");
  Log log(Verbosity::Quiet, false);
  CHECK_THROWS_WITH(index_folder(folder.path() / "train", 1, log),
                    ContainsSubstring("built without"));
}

#endif
