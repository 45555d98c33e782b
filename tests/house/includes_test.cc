// Where the walls stand: which folder may include which, and how much a folder holds.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace sinter {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

// From one folder to another, with an include that says so.
using Arrows = std::map<std::string, std::map<std::string, std::string>>;

const char* const kParts[] = {"ir", "runtime", "passes", "backends", "frontend"};

// The public headers are one room: <sinter/sinter.h> brings all of them.
std::string folder_of(const fs::path& file) {
  const std::string folder = file.parent_path().string();
  return folder.starts_with("frontend/include") ? "frontend/include" : folder;
}

std::vector<fs::path> sources(const std::string& part) {
  std::vector<fs::path> files;
  const fs::path root = SINTER_SOURCE_DIR;
  for (const auto& entry : fs::recursive_directory_iterator(root / part)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".h" || extension == ".cc" || extension == ".def")
      files.push_back(fs::relative(entry.path(), root));
  }
  return files;
}

// The files of the tree that a file includes.
std::vector<fs::path> included_by(const fs::path& file) {
  static const std::regex directive("#include [<\"]([^>\"]+)[>\"]");
  const fs::path root = SINTER_SOURCE_DIR;
  std::vector<fs::path> files;
  std::ifstream stream(root / file);
  for (std::string line; std::getline(stream, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, directive)) continue;
    fs::path path = match[1].str();
    if (path.string().starts_with("sinter/")) path = "frontend/include" / path;
    if (fs::exists(root / path)) files.push_back(path);
  }
  return files;
}

Arrows arrows() {
  Arrows all;
  for (const char* part : kParts) {
    for (const fs::path& file : sources(part)) {
      for (const fs::path& other : included_by(file)) {
        const std::string from = folder_of(file), to = folder_of(other);
        if (from != to)
          all[from].try_emplace(to, fmt::format("{} includes {}", file.string(), other.string()));
      }
    }
  }
  return all;
}

// The includes along a way that leads from `at` back into itself; empty where there is none.
std::vector<std::string> circle_from(const Arrows& all, const std::string& at, std::vector<std::string>& way,
                                     std::set<std::string>& done) {
  if (const auto begin = std::ranges::find(way, at); begin != way.end()) {
    std::vector<std::string> includes;
    way.push_back(at);
    for (auto folder = begin; folder + 1 != way.end(); ++folder)
      includes.push_back(all.at(*folder).at(*(folder + 1)));
    return includes;
  }
  if (!all.contains(at) || !done.insert(at).second) return {};
  way.push_back(at);
  for (const auto& [to, include] : all.at(at)) {
    std::vector<std::string> found = circle_from(all, to, way, done);
    if (!found.empty()) return found;
  }
  way.pop_back();
  return {};
}

std::vector<std::string> circle_in(const Arrows& all) {
  std::set<std::string> done;
  for (const auto& [from, to] : all) {
    std::vector<std::string> way;
    std::vector<std::string> found = circle_from(all, from, way, done);
    if (!found.empty()) return found;
  }
  return {};
}

TEST(Includes, AreToldWhereTheyFormACircle) {
  const Arrows straight = {{"a", {{"b", "a1 includes b1"}, {"c", "a2 includes c1"}}},
                           {"b", {{"c", "b2 includes c2"}}}};
  EXPECT_THAT(circle_in(straight), IsEmpty());
  Arrows round = straight;
  round["c"]["b"] = "c3 includes b3";
  EXPECT_THAT(circle_in(round), testing::ElementsAre("b2 includes c2", "c3 includes b3"));
}

TEST(Includes, FormNoCircleOfFolders) {
  const std::vector<std::string> circle = circle_in(arrows());
  EXPECT_THAT(circle, IsEmpty()) << fmt::format("{}", fmt::join(circle, "\n"));
}

// docs and the head of each part say why.
TEST(Includes, PointDownTheHouse) {
  const std::map<std::string, std::set<std::string>> allowed = {
      {"ir", {"ir"}},
      {"runtime", {"runtime", "ir/graph/types.def"}},
      {"passes", {"ir", "passes", "runtime/collectives/tree.h"}},
      {"backends", {"ir", "runtime", "backends"}},
      {"frontend", {"ir", "runtime", "passes", "backends", "frontend"}},
  };
  for (const auto& [part, parts] : allowed) {
    for (const fs::path& file : sources(part)) {
      for (const fs::path& other : included_by(file)) {
        const bool is_allowed = std::ranges::any_of(
            parts, [&](const std::string& begin) { return other.string().starts_with(begin); });
        EXPECT_TRUE(is_allowed) << file << " includes " << other;
        // What a program needs that was compiled elsewhere knows no compiler.
        const bool runs = file.string().starts_with("backends/") && file.parent_path().filename() == "run";
        const bool plays =
            file.string().starts_with("backends/") && file.parent_path().filename() == "player";
        const bool is_lean =
            other.string().starts_with("runtime/") || other.parent_path() == file.parent_path();
        const bool is_played = other.parent_path() == file.parent_path().parent_path() / "run" ||
                               other == "backends/player.h" || other == "backends/layout_bytes.h";
        EXPECT_TRUE(!(runs || plays) || is_lean || (plays && is_played)) << file << " includes " << other;
      }
    }
  }
}

// So that one can be left out: SINTER_VULKAN.
TEST(Includes, NameABackendWhereItIsRegistered) {
  for (const char* part : kParts) {
    for (const fs::path& file : sources(part)) {
      for (const fs::path& other : included_by(file)) {
        for (const std::string backend : {"backends/cpu/", "backends/reference/", "backends/vulkan/"}) {
          const bool is_inside = file.string().starts_with(backend);
          const bool is_registration =
              file == "backends/registry/registry.cc" || file == "backends/registry/players.cc";
          EXPECT_TRUE(!other.string().starts_with(backend) || is_inside || is_registration)
              << file << " includes " << other;
        }
      }
    }
  }
}

// The others are forward declarations of what is inside.
TEST(PublicHeaders, ExportWhatTheyDeclare) {
  for (const fs::path& file : sources("frontend/include")) {
    std::ifstream stream(fs::path(SINTER_SOURCE_DIR) / file);
    for (std::string line; std::getline(stream, line);) {
      EXPECT_FALSE(line == "namespace sinter {" || line == "namespace sinter::nn {")
          << file << ": is not exported from the shared library; write namespace SINTER_EXPORT sinter {";
    }
  }
}

// A room is a header with its source.
TEST(Folders, HoldAtMostTwentyRooms) {
  std::map<std::string, std::set<std::string>> rooms;
  for (const char* part : kParts) {
    for (const fs::path& file : sources(part))
      rooms[file.parent_path().string()].insert(file.stem().string());
  }
  for (const auto& [folder, stems] : rooms) EXPECT_LE(stems.size(), 20u) << folder;
}

}  // namespace
}  // namespace sinter
