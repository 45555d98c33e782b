#include <gtest/gtest.h>

#include <filesystem>

#include "backends/cpu/compile/image_bytes.h"
#include "runtime/file.h"
#include "tests/cpu/run_kernel.h"
#include "tests/runtime/scratch_folder.h"

// Compiled functions in the cache on disk.
namespace sinter::cpu::test {
namespace {

loop::Program times(float factor) {
  KernelBuilder k;
  const auto x = k.input(Type::f32, 3), y = k.output(Type::f32, 3);
  k.kernel.parts = {serial(3, [&](const Expr& i) {
    return loop::store(y, i, loop::load(x, i) * loop::number(factor, Type::f32));
  })};
  loop::Program program = program_of(k.kernel);
  for (auto* signatures : {&program.inputs, &program.outputs})
    signatures->front().type = {graph::DType::f32, {3}};
  return program;
}

class Images : public testing::Test {
 protected:
  // What a function that multiplies by `factor` makes of 5, and whether its loops were asked for.
  std::pair<float, bool> run(float factor, const std::function<std::string()>& identity) {
    bool is_lowered = false;
    const auto lower = [&](const loop::Target&) {
      is_lowered = true;
      return times(factor);
    };
    runtime::DiskCache cache(folder_.path("cache"));
    const auto pool = std::make_shared<runtime::ThreadPool>(1);
    const auto executable = make_executable(compile({"f", nullptr, lower, identity}, host(), cache), pool);
    runtime::HostState state({});
    const std::vector<float> x(3, 5);
    std::vector<float> y(3);
    const void* input = x.data();
    void* output = y.data();
    executable->run(*executable->make_context(), state, {{&input, 1}, {&output, 1}});
    EXPECT_EQ(y[0], y[2]);
    return {y[0], is_lowered};
  }

  const ScratchFolder folder_;
};

TEST_F(Images, AreFoundByTheirIdentity) {
  const auto one = [] { return "one"; };
  EXPECT_EQ(run(2, one), std::pair(10.f, true));
  EXPECT_EQ(run(2, one), std::pair(10.f, false));
  EXPECT_EQ(run(3, [] { return "other"; }), std::pair(15.f, true));
  EXPECT_EQ(run(2, one), std::pair(10.f, false));
}

TEST_F(Images, WithoutIdentityAreNotKept) {
  EXPECT_EQ(run(2, nullptr), std::pair(10.f, true));
  EXPECT_EQ(run(3, nullptr), std::pair(15.f, true));
  EXPECT_EQ(run(3, nullptr), std::pair(15.f, true));
}

TEST_F(Images, DamagedOnesAreMadeAgain) {
  const auto identity = [] { return "one"; };
  run(2, identity);
  for (const auto& file : std::filesystem::directory_iterator(folder_.path("cache"))) {
    std::string bytes = runtime::read_file(file.path());
    bytes[bytes.size() / 2] ^= 1;
    runtime::write_file_atomically(file.path(), bytes);
  }
  EXPECT_EQ(run(2, identity), std::pair(10.f, true));
  EXPECT_EQ(run(2, identity), std::pair(10.f, false));
}

TEST(ImageBytes, HoldAllOfAnImage) {
  UnloadedImage image;
  image.layout.name = "train";
  image.layout.inputs = {{"x", runtime::DType::f64, {2, 3}}, {"ids", runtime::DType::i64, {}}};
  image.layout.outputs = {{"y", runtime::DType::boolean, {0}}};
  image.layout.slots = {
      {runtime::Slot::Kind::state, 7, 0, 24, {}},
      {runtime::Slot::Kind::constant, 0, 64, 3, {std::byte{0}, std::byte{255}, std::byte{10}}}};
  image.layout.faults = {{runtime::FaultSite::Kind::finite, "check", "loss", {1}, -5, "model.cc:3"}};
  image.layout.infos = {{"train", "contract", {"a.cc:1", "b.cc:2"}, 1e9, 0.5}};
  image.layout.arena_bytes = int64_t{1} << 40;
  image.scratch_bytes = 12;
  image.files = {std::string("\x7f"
                             "ELF\0\xff",
                             6),
                 ""};
  const std::string bytes = to_bytes(image);
  const auto read = from_bytes(bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(to_bytes(*read), bytes);
  EXPECT_EQ(read->layout.inputs[0].shape, (runtime::Shape{2, 3}));
  EXPECT_EQ(read->layout.outputs[0].dtype, runtime::DType::boolean);
  EXPECT_EQ(read->layout.slots[0].kind, runtime::Slot::Kind::state);
  EXPECT_EQ(read->layout.slots[1].data, image.layout.slots[1].data);
  EXPECT_EQ(read->layout.faults[0].location, "model.cc:3");
  EXPECT_EQ(read->layout.infos[0].sources, image.layout.infos[0].sources);
  EXPECT_EQ(read->layout.arena_bytes, int64_t{1} << 40);
  EXPECT_EQ(read->files, image.files);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(from_bytes(bytes.substr(0, size)).has_value()) << size;
  EXPECT_FALSE(from_bytes("\x80").has_value());  // a map of nothing
}

}  // namespace
}  // namespace sinter::cpu::test
