#include "hsconas/data/folder_source.hpp"

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

/// Two classes with `each` images, and what `log` was told.
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

TEST_CASE("the first bytes decide what a file is, its name does not", "[data]") {
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

TEST_CASE("a JPEG with something behind its end is sound", "[data]") {
  Tree tree(1);
  tree.folder.write("data/ant/long.jpg", jpeg(1) + std::string(5000, 'x'));
  const FolderSplit split = tree.index();
  CHECK(split.source->size() == 3);
  CHECK(split.damage.count() == 0);
}

TEST_CASE("more than ten damaged files and one percent are an error", "[data]") {
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

TEST_CASE("a file damaged inside is found when decoded, and the message names it", "[data]") {
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

TEST_CASE("a file that vanishes is an error that names it", "[data]") {
  Tree tree(1);
  const FolderSplit split = tree.index();
  std::filesystem::remove(tree.folder.path() / "data/ant/100.jpg");
  Image image;
  CHECK_THROWS_WITH(split.source->load(0, image, 0),
                    ContainsSubstring("ant/100.jpg") && ContainsSubstring("No such"));
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
