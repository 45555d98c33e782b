#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "backends/registry/registry.h"
#include "ir/error.h"
#include "ir/graph/text/text.h"
#include "passes/work.h"
#include "runtime/file.h"

// Runs a pass on tests/golden/<pass>/<name>.in.sg, a graph or loops, and compares what it prints with
// <name>.out.sg. docs/testing.md says how to rewrite them.
namespace sinter {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = SINTER_SOURCE_DIR "/tests/golden";
constexpr std::string_view kInput = ".in.sg";
constexpr std::string_view kOutput = ".out.sg";
constexpr int64_t kMostLines = 80;

std::set<fs::path> files_that_end_with(std::string_view ending) {
  std::set<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(kFolder)) {
    if (entry.path().string().ends_with(ending)) files.insert(entry.path());
  }
  return files;
}

fs::path output_of(const fs::path& input) {
  std::string path = input.string();
  return path.replace(path.size() - kInput.size(), kInput.size(), kOutput);
}

// The pass is that of the folder; a first line "// pass: name(argument)" gives it arguments, and may name
// passes before it.
std::string pass_of(const fs::path& input, std::string_view text) {
  constexpr std::string_view kMark = "// pass: ";
  std::string folder = input.parent_path().filename().string();
  if (!text.starts_with(kMark)) return folder;
  return std::string(text.substr(kMark.size(), text.find('\n') - kMark.size()));
}

// A machine with threads, or, where a line "// target: workgroups" says so, one that executes workgroups in
// vectors of 8 lanes; "// target: gpu": one whose shared memory is fast; "// target: vulkan h200": what a
// device of the backend compiles for when it is to compile for the machine of that name.
loop::Target target_of(std::string_view text) {
  constexpr std::string_view kMark = "// target: vulkan ";
  if (const size_t at = text.find(kMark); at != std::string_view::npos) {
    const size_t name = at + kMark.size();
    return backends::open_device("vulkan", 1, text.substr(name, text.find('\n', name) - name))->target();
  }
  loop::Target target;
  const bool is_gpu = text.find("// target: gpu\n") != std::string_view::npos;
  if (!is_gpu && text.find("// target: workgroups\n") == std::string_view::npos) return target;
  target.kind = is_gpu ? loop::Target::Kind::gpu : loop::Target::Kind::gpu_on_cpu;
  target.unit_vectors = is_gpu ? 4 : 1;
  target.subgroup_size = 8;
  target.shared_bytes = 32 << 10;
  target.max_workgroup_size = 64;
  target.max_workgroups = 65535;
  return target;
}

std::string run_golden(const fs::path& input) {
  const std::string text = runtime::read_file(input);
  const auto calls = passes::parse_pass_list(pass_of(input, text));
  if (calls.empty() || calls.back().pass->name != input.parent_path().filename().string()) {
    throw GraphError("the first line ends with another pass than the folder's");
  }
  passes::Work work = passes::Work::parse(text, input.filename().string(), target_of(text));
  for (const passes::PassCall& call : calls) work.run(call);
  return work.text();
}

TEST(Golden, EveryPassGivesWhatIsWritten) {
  const bool rewrite = std::getenv("SINTER_REWRITE_GOLDEN") != nullptr;
  for (const fs::path& input : files_that_end_with(kInput)) {
    SCOPED_TRACE(input.lexically_relative(kFolder));
    try {
      const std::string printed = run_golden(input);
      EXPECT_LT(std::count(printed.begin(), printed.end(), '\n'), kMostLines);
      const fs::path output = output_of(input);
      if (rewrite) {
        runtime::write_file_atomically(output, printed);
      } else if (fs::exists(output)) {
        EXPECT_EQ(printed, runtime::read_file(output));
      } else {
        ADD_FAILURE() << "there is no " << output.filename() << "; the pass gives\n" << printed;
      }
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

TEST(Golden, EveryPassHasSome) {
  for (const passes::Pass& pass : passes::all_passes()) {
    const auto inputs = files_that_end_with(kInput);
    EXPECT_TRUE(std::ranges::any_of(inputs, [&](const fs::path& input) {
      return input.parent_path().filename() == pass.name;
    })) << pass.name;
  }
}

TEST(Golden, EveryOutputHasItsInput) {
  std::set<fs::path> outputs;
  for (const fs::path& input : files_that_end_with(kInput)) outputs.insert(output_of(input));
  for (const fs::path& output : files_that_end_with(kOutput)) {
    EXPECT_TRUE(outputs.contains(output)) << output.lexically_relative(kFolder);
  }
}

}  // namespace
}  // namespace sinter
