#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "ir/error.h"
#include "ir/graph/text/text.h"
#include "ir/loop/text/text.h"
#include "passes/pipeline.h"
#include "passes/work.h"
#include "runtime/file.h"

// What every schedule makes prints as text that reads back as the same loops, with which steps go on alike.
namespace sinter::test {
namespace {

namespace fs = std::filesystem;

loop::Target workgroups(loop::Target::Kind kind) {
  loop::Target target;
  target.kind = kind;
  target.unit_vectors = 1;
  target.subgroup_size = kind == loop::Target::Kind::gpu ? 32 : 8;
  target.shared_bytes = 32 << 10;
  target.max_workgroup_size = 256;
  target.max_workgroups = 65535;
  return target;
}

std::vector<fs::path> graphs() {
  std::vector<fs::path> files;
  for (const char* folder : {"tests/golden", "tests/fuzz/found", "tests/ir", "tests/schedule"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(SINTER_SOURCE_DIR) / folder)) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(".sg") && !name.ends_with(".out.sg")) files.push_back(entry.path());
    }
  }
  return files;
}

// A line of `a` and one of `b`; "" where all are the same.
std::string first_difference(const std::string& a, const std::string& b) {
  std::istringstream in_a(a), in_b(b);
  for (std::string of_a, of_b; in_a || in_b;) {
    std::getline(in_a, of_a);
    std::getline(in_b, of_b);
    if (of_a != of_b || in_a.good() != in_b.good()) return of_a + "\n" + of_b;
  }
  return "";
}

// Runs the steps from a graph to loops, and those on loops on their text, too: how many of these there were.
int check(const graph::Module& module, const std::string& function, const loop::Target& target,
          const passes::Options& options) {
  int steps = 0;
  passes::Work work(graph::clone(module), target, function);
  try {
    bool has_loops = false;
    for (const passes::PassCall& call : passes::pipeline(target, options)) {
      if (!has_loops) {
        work.run(call);
        has_loops = call.pass->name == "schedule";
        continue;
      }
      passes::Work alone = passes::Work::parse(work.text(), "text", target);
      EXPECT_EQ(first_difference(alone.text(), work.text()), "");
      work.run(call);
      alone.run(call);
      EXPECT_EQ(first_difference(alone.text(), work.text()), "");
      ++steps;
    }
  } catch (const GraphError&) {  // of a text that is for a step in the midst
  }
  return steps;
}

TEST(RoundTrip, OfLoops) {
  int steps = 0;
  for (const fs::path& file : graphs()) {
    SCOPED_TRACE(file.filename());
    const std::string text = runtime::read_file(file);
    if (loop::find_program(text) < text.size()) continue;
    const graph::Module module = graph::parse(text, file.filename().string());
    for (const loop::Target& target :
         {loop::Target(), workgroups(loop::Target::Kind::gpu), workgroups(loop::Target::Kind::gpu_on_cpu)}) {
      for (const bool fuse : {true, false}) {
        for (const auto& function : module.functions)
          steps += check(module, function->name(), target, {.fuse = fuse});
      }
    }
  }
  EXPECT_GT(steps, 500);
}

}  // namespace
}  // namespace sinter::test
