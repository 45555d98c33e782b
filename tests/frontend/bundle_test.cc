#include "frontend/compile/bundle.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sinter/error.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "backends/backend.h"
#include "frontend/program/variant.h"
#include "ir/graph/builder.h"
#include "ir/graph/text/text.h"
#include "runtime/error.h"
#include "tests/runtime/scratch_folder.h"
#include "tests/support/environment.h"
#include "tests/support/message_of.h"

namespace sinter {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class BundleTest : public testing::Test {
 protected:
  std::vector<fs::path> bundles() const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(cache_ / "bundles")) paths.push_back(entry.path());
    return paths;
  }
  std::string only_bundle() const {
    const auto all = bundles();
    EXPECT_EQ(all.size(), 1u);
    return all.at(0);
  }

  ScratchFolder folder_;
  const fs::path cache_ = folder_.path("cache");
  Environment on_{"SINTER_CACHE", nullptr}, asked_{"SINTER_BUNDLE", nullptr},
      cache_folder_{"SINTER_CACHE_DIR", cache_.c_str()};
  graph::Module module_ = graph::parse("func @f(%x: f32[2]) {\n  %0: f32[2] = exp %x\n  return y=%0\n}\n");
};

// A device whose compiler is wrong.
class Failing final : public backends::Device {
 public:
  std::unique_ptr<runtime::StateStore> make_state(const std::vector<graph::State>&) const override {
    return nullptr;
  }
  std::unique_ptr<runtime::Executable> compile(const backends::Source&) const override {
    throw InternalError("no such axis");
  }
};

[[noreturn]] void fail() {
  throw std::out_of_range("vector::at");
}

TEST_F(BundleTest, TellsWhatAProgramWasCompiledFor) {
  Variant variant("f", {}, graph::clone(module_), {}, false, {}, 0);
  const Attempt attempt{
      .device = "cpu", .target = "x86-64-v3", .threads = 3, .options = {.check_numerics = true}};
  std::string message;
  try {
    variant.code(Failing(), attempt);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::internal);
    message = error.what();
  }
  const std::string path = only_bundle();
  EXPECT_EQ(message,
            "internal error: compiling 'f': no such axis; to see it again: sinter-opt --replay " + path);
  const Bundle bundle = read_bundle(path);
  EXPECT_EQ(graph::print(bundle.module), graph::print(module_));
  EXPECT_EQ(bundle.message, "no such axis");
  EXPECT_EQ(bundle.attempt.function, "f");
  EXPECT_EQ(bundle.attempt.device, "cpu");
  EXPECT_EQ(bundle.attempt.target, "x86-64-v3");
  EXPECT_EQ(bundle.attempt.threads, 3);
  EXPECT_EQ(bundle.attempt.passes, "");
  EXPECT_TRUE(bundle.attempt.options.check_numerics);
  EXPECT_TRUE(bundle.attempt.options.fuse);
  EXPECT_NO_THROW(repeat(bundle.module, bundle.attempt));
}

TEST_F(BundleTest, RepeatsPassesAndCompilesEachFunction) {
  EXPECT_EQ(message_of([&] { repeat(module_, {.passes = "order"}); }),
            message_of([&] { repeat(module_, {.function = "f", .passes = "order"}); }));
  EXPECT_NO_THROW(repeat(module_, {.passes = "simplify,group"}));
  EXPECT_NO_THROW(repeat(module_, {}));
  EXPECT_EQ(message_of([&] { repeat(module_, {.function = "g", .device = "cpu"}); }),
            "no function is called 'g'");
}

TEST_F(BundleTest, LeavesConstantsOutUnlessAskedFor) {
  graph::Module module;
  graph::Function& function = module.add_function("f");
  graph::Builder b(module, function);
  std::vector<double> weights(20), whole(20);
  std::iota(weights.begin(), weights.end(), 0.5);
  std::iota(whole.begin(), whole.end(), 7);
  b.output("weights", b.table(weights, {graph::DType::f32, {20}}));
  b.output("whole", b.table(whole, {graph::DType::i32, {20}}));
  b.output("few", b.table({3, 4}, {graph::DType::f32, {2}}));
  EXPECT_THROW(bundled(module, {.function = "f"}, fail), InternalError);
  const std::string text = graph::print(read_bundle(only_bundle()).module);
  EXPECT_THAT(text, HasSubstr("%0: f32[20] = constant {dtype=f32, shape=[20], value=0.5}"));
  EXPECT_THAT(text, HasSubstr("%1: i32[20] = constant {dtype=i32, shape=[20], value=7}"));
  EXPECT_THAT(text, HasSubstr("values=[3.0,4.0]"));
  EXPECT_NE(graph::print(module), text);

  fs::remove_all(cache_ / "bundles");
  const Environment whole_text("SINTER_BUNDLE", "constants");
  EXPECT_THROW(bundled(module, {.function = "f"}, fail), InternalError);
  EXPECT_EQ(graph::print(read_bundle(only_bundle()).module), graph::print(module));
}

TEST_F(BundleTest, KeepsTheNewestOnly) {
  fs::create_directories(cache_ / "bundles/unfinished.old");
  fs::create_directories(cache_ / "bundles/unfinished.new");
  fs::last_write_time(cache_ / "bundles/unfinished.old",
                      fs::file_time_type::clock::now() - std::chrono::hours(2));
  std::vector<std::string> paths;
  for (int i = 0; i < 20; ++i) {
    paths.push_back(write_bundle(module_, {}, fmt::format("error {}", i)));
    fs::last_write_time(paths.back(), fs::file_time_type::clock::now() - std::chrono::seconds(100 - i));
  }
  EXPECT_EQ(write_bundle(module_, {}, "error 19"), paths.back());  // the same again
  EXPECT_EQ(bundles().size(), 17u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(fs::exists(paths[static_cast<size_t>(i)]), i >= 4) << i;
  EXPECT_TRUE(fs::exists(cache_ / "bundles/unfinished.new"));
}

TEST_F(BundleTest, IsNotWrittenWhereNothingIsKept) {
  const auto message = [&] {
    try {
      bundled(module_, {.function = "f"}, fail);
    } catch (const InternalError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  {
    const Environment off("SINTER_CACHE", "off");
    EXPECT_EQ(message(), "compiling 'f': vector::at");
    EXPECT_FALSE(fs::exists(cache_ / "bundles"));
  }
  const Environment file("SINTER_CACHE_DIR", folder_.write("file", "in the way").c_str());
  EXPECT_EQ(message(), "compiling 'f': vector::at");
}

TEST_F(BundleTest, PassesOnWhatIsNoErrorOfOurs) {
  EXPECT_EQ(bundled(module_, {}, [] { return 3; }), 3);
  EXPECT_EQ(message_of([&] { bundled(module_, {}, [] { throw GraphError("yours"); }); }), "yours");
  EXPECT_FALSE(fs::exists(cache_ / "bundles"));
}

TEST_F(BundleTest, IsReadOrRefused) {
  const std::string path = write_bundle(module_, {}, "no such axis");
  EXPECT_EQ(message_of([&] { read_bundle(path + "/none"); }),
            "cannot read " + path + "/none/graph.sg: No such file or directory");
  std::ofstream(path + "/attempt.json") << "{}";
  EXPECT_THAT(message_of([&] { read_bundle(path); }),
              testing::StartsWith(path + "/attempt.json is no attempt of a bundle: "));
}

}  // namespace
}  // namespace sinter
