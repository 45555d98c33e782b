#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <utility>
#include <vector>

#include "backends/vulkan/run/memory.h"
#include "tests/support/message_of.h"
#include "tests/vulkan/harness.h"
#include "tests/vulkan/replaced.h"

// What crosses the bus, on a device whose memory the host does not see.
namespace sinter::vulkan::test {
namespace {

constexpr int64_t kRows = 300, kWide = 100;  // more than 64 KiB of f32

Array counting(Shape shape, float first = 0) {
  Array array(f32, std::move(shape));
  for (float& x : array.values<float>()) x = first++;
  return array;
}

// What a program copies between host and device.
class Bus {
 public:
  struct Moved {
    int64_t up = 0;
    int64_t down = 0;
    bool operator==(const Moved&) const = default;
    friend void PrintTo(const Moved& moved, std::ostream* out) {
      *out << moved.up << " up, " << moved.down << " down";
    }
  };
  // Since the last call of this.
  Moved moved() {
    const GpuStats& stats = staging_gpu()->stats();
    const Moved now{stats.bytes_up, stats.bytes_down};
    const Moved result{now.up - last_.up, now.down - last_.down};
    last_ = now;
    return result;
  }

 private:
  Moved last_;
};

int64_t padded(int64_t bytes) {
  return aligned(bytes, staging_gpu()->buffer_alignment());
}

// "rows" of a table are doubled, "sums" adds them up, "all" has the table as a whole.
struct Residence : testing::Test {
  StagingByName staging;
  Program program;
  Bus bus;

  void SetUp() override {
    const Dim picked{"picked"};
    program.add("rows", {{"table", f32, {kRows, kWide}}, {"ids", i32, {picked}}},
                [](const Inputs& in) -> Outputs {
                  return {{"y", gather(in["table"], in["ids"]) * 2}};
                });
    program.add("sums", {{"x", f32, {kRows, kWide}}}, [](const Inputs& in) -> Outputs {
      return {{"y", sum(in["x"], 0)}, {"total", sum(in["x"])}};
    });
    program.add("all", {{"x", f32, {kRows, kWide}}}, [](const Inputs& in) -> Outputs {
      return {{"y", in["x"] + 1}};
    });
    program.add("add", {{"x", f32, {kWide}}}, [](const Inputs& in) -> Outputs {
      return {{"y", in["x"] + 1}};
    });
    program.compile({.device = "vulkan", .dims = {{"picked", 4}}});
  }
};

TEST_F(Residence, AnArrayIsUploadedOnceAndFetchedOnce) {
  const Array host = counting({kRows, kWide});
  bus.moved();
  const Array table = program.upload(host);
  EXPECT_TRUE(table.on_device());
  EXPECT_FALSE(host.on_device());
  EXPECT_EQ(table.shape(), host.shape());
  EXPECT_EQ(table.dtype(), f32);
  EXPECT_EQ(bus.moved(), (Bus::Moved{4 * kRows * kWide, 0}));
  const Array copy = table, clone = table.clone();
  EXPECT_TRUE(clone.on_device());
  EXPECT_EQ(bus.moved(), (Bus::Moved{0, 0}));
  EXPECT_EQ(table.values<float>()[101], 101);
  EXPECT_EQ(copy.values<float>()[102], 102);
  EXPECT_EQ(bus.moved(), (Bus::Moved{0, 4 * kRows * kWide}));
  EXPECT_TRUE(copy.on_device());
  EXPECT_TRUE(program.upload(table).on_device());
  EXPECT_EQ(bus.moved(), (Bus::Moved{0, 0}));
}

TEST_F(Residence, WritingBringsAnArrayBackToTheHost) {
  Array table = program.upload(counting({kRows, kWide}));
  const Array copy = table, clone = table.clone();
  Function sums = program.function("sums");
  sums.bind("x", clone);
  table.values<float>()[0] = 7;
  EXPECT_FALSE(table.on_device());
  EXPECT_EQ(copy.values<float>()[0], 7);
  EXPECT_EQ(clone.values<float>()[0], 0);
  sums.run();
  EXPECT_EQ(sums.output<float>("y")[0], 100.f * 299 * 150);
  sums.set_input("x", table);
  sums.run();
  EXPECT_EQ(sums.output<float>("y")[0], 100.f * 299 * 150 + 7);
}

TEST_F(Residence, ALoopOverAnUploadedDataSetMovesOnlyIndices) {
  const Array host = counting({kRows, kWide});
  Function rows = program.function("rows");
  rows.bind("table", program.upload(host));
  rows.run();
  bus.moved();
  const std::span<int32_t> ids = rows.input<int32_t>("ids");
  for (int32_t step = 0; step < 5; ++step) {
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = step + static_cast<int32_t>(7 * i);
    rows.run();
    // The indices, and that none is outside the table; the rows.
    EXPECT_EQ(bus.moved(),
              (Bus::Moved{padded(20) + padded(16) + padded(16), padded(16) + padded(4 * 4 * kWide)}));
    EXPECT_EQ(rows.output<float>("y")[kWide], 2.f * static_cast<float>((step + 7) * kWide));
  }
  ids[2] = kRows;
  EXPECT_THAT(message_of([&] { rows.run(); }), testing::HasSubstr("index 300 at position [2] of 'ids'"));
}

TEST_F(Residence, TrainingOnAnUploadedDataSetMovesIndicesAndTheLoss) {
  nn::Module root;
  nn::Linear classes(root, "classes", kWide, 5);
  SGD optimizer({.learning_rate = 1e-3});
  Program training;
  training.add("train", {{"images", f32, {kRows, kWide}}, {"labels", i32, {kRows}}, {"rows", i32, {8}}},
               [&](const Inputs& in) -> Outputs {
                 const Tensor logits = classes(gather(in["images"], in["rows"]));
                 const Tensor loss = cross_entropy(logits, gather(in["labels"], in["rows"]));
                 return {{"loss", optimizer.minimize(loss).loss}};
               },
               {.training = true});
  training.compile({.device = "vulkan"});
  Array images(f32, {kRows, kWide}), labels(i32, {kRows});
  for (size_t i = 0; i < kRows; ++i) {
    labels.values<int32_t>()[i] = static_cast<int32_t>(i % 5);
    images.values<float>()[i * kWide + i % 5] = 10;
  }
  Function step = training.function("train");
  step.bind("images", training.upload(images));
  step.bind("labels", training.upload(labels));
  const std::span<int32_t> rows = step.input<int32_t>("rows");
  float first = 0, last = 0;
  for (int32_t i = 0; i < 200; ++i) {
    for (size_t k = 0; k < rows.size(); ++k) rows[k] = (8 * i + static_cast<int32_t>(k)) % kRows;
    bus.moved();
    step.run();
    last = step.value<float>("loss");
    if (i == 0) first = last;
    const Bus::Moved moved = bus.moved();
    const int64_t finding = moved.down - padded(4);  // of the checks that no index is outside
    EXPECT_LE(finding, padded(64));
    EXPECT_EQ(moved.up, padded(20) + padded(32) + finding);
  }
  EXPECT_LT(last, 0.7f * first);
}

TEST_F(Residence, LargeOutputsStayUntilTheyAreRead) {
  Function all = program.function("all");
  all.bind("x", program.upload(counting({kRows, kWide})));
  const std::span<const float> before = all.output<float>("y");
  EXPECT_EQ(before[5], 0);
  all.run();
  all.run();
  bus.moved();
  all.run();
  EXPECT_EQ(bus.moved(), (Bus::Moved{0, 0}));
  EXPECT_EQ(all.output<float>("y")[5], 6);
  EXPECT_EQ(all.output<float>("y")[6], 7);
  EXPECT_EQ(bus.moved(), (Bus::Moved{0, 4 * kRows * kWide}));
}

TEST_F(Residence, AnOutputIsKeptWhateverRunsLater) {
  Function all = program.function("all");
  std::vector<Array> kept;
  for (int i = 0; i < 3; ++i) {
    all.set_input("x", counting({kRows, kWide}, static_cast<float>(i)));
    all.run();
    kept.push_back(all.output("y"));
    EXPECT_TRUE(kept.back().on_device());
  }
  bus.moved();
  for (size_t i = 0; i < 3; ++i)
    EXPECT_EQ(std::as_const(kept[i]).values<float>()[1], static_cast<float>(i + 2));
  EXPECT_EQ(bus.moved(), (Bus::Moved{0, 3 * 4 * kRows * kWide}));
  // As nothing is kept, nothing is made anew.
  kept.clear();
  all.run();
  const int64_t allocations = staging_gpu()->stats().allocations,
                recordings = staging_gpu()->stats().recordings;
  for (int i = 0; i < 3; ++i) all.run();
  EXPECT_EQ(staging_gpu()->stats().allocations, allocations);
  EXPECT_EQ(staging_gpu()->stats().recordings, recordings);
}

TEST_F(Residence, AnInputIsTheOutputOfAnotherFunction) {
  Function all = program.function("all"), sums = program.function("sums"), add = program.function("add");
  all.bind("x", program.upload(counting({kRows, kWide})));
  sums.bind("x", all, "y");
  add.bind("x", sums, "y");
  const auto run = [&] {
    all.start();
    sums.start();
    add.start();
    for (Function* function : {&all, &sums, &add}) function->wait();
  };
  run();
  bus.moved();
  const int64_t recordings = staging_gpu()->stats().recordings;
  run();
  EXPECT_EQ(bus.moved(), (Bus::Moved{0, 2 * padded(4 * kWide) + padded(4)}));
  EXPECT_EQ(staging_gpu()->stats().recordings, recordings);
  EXPECT_EQ(add.output<float>("y")[0], 100.f * 299 * 150 + 301);
  // An output that is kept is as good as an array that was uploaded.
  sums.bind("x", all.output("y"));
  all.set_input("x", counting({kRows, kWide}, 5));
  run();
  EXPECT_EQ(add.output<float>("y")[0], 100.f * 299 * 150 + 301);
  sums.bind("x", all, "y");
  run();
  EXPECT_EQ(add.output<float>("y")[0], 100.f * 299 * 150 + 1801);
}

TEST_F(Residence, TheOtherFunctionMayEndFirst) {
  Function sums = program.function("sums");
  {
    Function all = program.function("all");
    all.set_input("x", counting({kRows, kWide}));
    all.run();
    sums.bind("x", all, "y");
  }
  sums.run();
  EXPECT_EQ(sums.output<float>("y")[0], 100.f * 299 * 150 + 300);
}

TEST_F(Residence, ProgramsOfOneDeviceShareArrays) {
  const Array table = program.upload(counting({kRows, kWide}));
  Program other;
  other.add("all", {{"x", f32, {kRows, kWide}}}, [](const Inputs& in) -> Outputs {
    return {{"y", in["x"] + 2}};
  });
  other.compile({.device = "vulkan:0"});
  bus.moved();
  const Array sum = other.run("all", {{"x", table}}).at("y");
  EXPECT_TRUE(sum.on_device());
  const Array again = program.run("all", {{"x", sum}}).at("y");
  EXPECT_EQ(bus.moved(), (Bus::Moved{0, 0}));
  EXPECT_EQ(again.values<float>()[9], 12);
  EXPECT_EQ(bus.moved(), (Bus::Moved{0, 4 * kRows * kWide}));
}

// One that is on another device is fetched and moved.
TEST_F(Residence, OtherDevicesTakeArraysToo) {
  const Array table = program.upload(counting({kRows, kWide}));
  Program cpu;
  cpu.add("all", {{"x", f32, {kRows, kWide}}}, [](const Inputs& in) -> Outputs {
    return {{"y", in["x"] + 2}};
  });
  cpu.compile({.device = "cpu"});
  const Array here = cpu.upload(table);
  EXPECT_FALSE(here.on_device());
  EXPECT_EQ(cpu.run("all", {{"x", table}}).at("y").values<float>()[9], 11);
  Function function = cpu.function("all");
  function.bind("x", table);
  function.run();
  EXPECT_EQ(function.output<float>("y")[8], 10);
  Function all = program.function("all"), sums = program.function("sums");
  EXPECT_EQ(
      message_of([&] { sums.bind("x", function, "y"); }),
      "sums: input 'x' is on another device than output 'y' of all: give it to set_input, which copies it");
  EXPECT_EQ(
      message_of([&] { function.bind("x", all, "y"); }),
      "all: input 'x' is on another device than output 'y' of all: give it to set_input, which copies it");
}

TEST_F(Residence, WhatLayOnALostDeviceIsGone) {
  const Array table = program.upload(counting({kRows, kWide}));
  {
    const Replaced<vkQueueSubmit> losing([](auto...) -> VkResult { return VK_ERROR_DEVICE_LOST; });
    EXPECT_THAT(message_of([&] {
                  program.run("sums", {{"x", table}});
                }),
                testing::HasSubstr("the device was lost"));
  }
  const std::string lost = "vulkan: " + watched_gpu()->name() +
                           " was lost before, with all that lay there; compile the program anew";
  EXPECT_EQ(message_of([&] { table.values<float>(); }), lost);
  EXPECT_EQ(message_of([&] { program.run("sums", {{"x", table}}); }), lost);
  Program other;
  other.add("all", {{"x", f32, {kRows, kWide}}}, [](const Inputs& in) -> Outputs {
    return {{"y", in["x"] + 2}};
  });
  other.compile({.device = "vulkan"});
  EXPECT_EQ(message_of([&] { other.run("all", {{"x", table}}); }), lost);
  EXPECT_EQ(other.run("all", {{"x", counting({kRows, kWide})}}).at("y").values<float>()[1], 3);
}

TEST_F(Residence, AnArrayOutlivesItsProgram) {
  Array table;
  {
    Program other;
    other.add("f", {}, [](const Inputs&) -> Outputs { return {{"y", zeros({2})}}; });
    other.compile({.device = "vulkan"});
    table = other.upload(counting({kRows, kWide}));
  }
  EXPECT_EQ(std::as_const(table).values<float>()[3], 3);
}

TEST_F(Residence, EmptyArraysLieThereToo) {
  Program empty;
  empty.add("f", {{"x", f32, {0, 3}}}, [](const Inputs& in) -> Outputs { return {{"y", in["x"] + 1}}; });
  empty.compile({.device = "vulkan"});
  const Array none = empty.upload(Array(f32, {0, 3}));
  EXPECT_TRUE(none.on_device());
  EXPECT_EQ(none.values<float>().size(), 0u);
  EXPECT_EQ(empty.run("f", {{"x", none}}).at("y").size(), 0);
}

}  // namespace
}  // namespace sinter::vulkan::test
