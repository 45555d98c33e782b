#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "tests/frontend/evaluate.h"
#include "tests/runtime/scratch_folder.h"
#include "tests/support/message_of.h"
#include "tests/support/staging.h"
#include "tests/threads/together.h"

// State that each session of a program has for itself.
namespace sinter {
namespace {

constexpr int64_t kWidth = 8;

// One head of attention over what came before, whose keys and values are kept, so that each call takes one
// word.
struct Reader : nn::Module {
  Dim time{"time"};
  nn::Linear query{*this, "query", kWidth, kWidth}, key{*this, "key", kWidth, kWidth},
      value{*this, "value", kWidth, kWidth};
  nn::Cache keys{*this, "keys", {time, kWidth}}, values{*this, "values", {time, kWidth}};
  nn::Cache length{*this, "length", {}, Initializer::zeros(), i32};

  // x: [width]
  Tensor extend(const Tensor& x) {
    const Tensor row = reshape(x, {1, kWidth});
    const Tensor at = length.read();
    keys.assign(dynamic_update(keys, key(row), {at, 0}));
    values.assign(dynamic_update(values, value(row), {at, 0}));
    length.assign(at + 1);
    const Tensor scores = matmul(query(row), transpose(keys.read(), {1, 0}));
    const Tensor seen = iota(scores.shape(), 1) <= at;
    return reshape(matmul(softmax(where(seen, scores, -1e9)), values), {kWidth});
  }
  // x: [time, width]
  Tensor whole(const Tensor& x) {
    const Tensor scores = matmul(query(x), transpose(key(x), {1, 0}));
    const Tensor seen = iota(scores.shape(), 1) <= iota(scores.shape(), 0);
    return matmul(softmax(where(seen, scores, -1e9)), value(x));
  }
};

struct Sessions : testing::TestWithParam<const char*> {
  const DeviceByParam device{GetParam()};
  Reader reader;
  Program program;

  void SetUp() override {
    program.add("extend", {{"x", f32, {kWidth}}}, [this](const Inputs& in) -> Outputs {
      return {{"y", reader.extend(in["x"])}};
    });
    program.add("whole", {{"x", f32, {reader.time, kWidth}}}, [this](const Inputs& in) -> Outputs {
      return {{"y", reader.whole(in["x"])}};
    });
    program.add("forget", {{"by", i32, {}}}, [this](const Inputs& in) -> Outputs {
      reader.length.assign(reader.length - in["by"]);
      return {{"left", reader.length.read()}};
    });
    program.compile({.device = device.name(), .threads = 2, .seed = 3});
  }

  static Array words(int64_t count, int64_t first = 0) {
    Array x(f32, {count, kWidth});
    for (int64_t i = 0; i < x.size(); ++i) {
      x.values<float>()[static_cast<size_t>(i)] = static_cast<float>((i + 13 * first) * 7 % 11 - 5) * 0.3f;
    }
    return x;
  }
  // The last row of what `count` words give, one at a time.
  static std::vector<float> read(Function& extend, const Array& x) {
    const std::span<float> word = extend.input<float>("x");
    for (int64_t i = 0; i < x.shape()[0]; ++i) {
      const float* row = x.values<float>().data() + i * kWidth;
      std::copy(row, row + kWidth, word.begin());
      extend.run();
    }
    return floats(extend.output("y"));
  }
  std::vector<float> read_whole(const Array& x) {
    const std::vector<float> y = floats(program.run("whole", {{"x", x}}).at("y"));
    return {y.end() - kWidth, y.end()};
  }
  static void expect_close(const std::vector<float>& got, const std::vector<float>& want) {
    EXPECT_THAT(got, testing::Pointwise(testing::FloatNear(1e-5f), want));
  }
};

INSTANTIATE_TEST_SUITE_P(Devices, Sessions, testing::Values("reference", "cpu", "vulkan", kStaging),
                         [](const auto& of) { return name_of_device(of.param); });

TEST_P(Sessions, KeepWhatTheyHaveSeen) {
  Session session = program.session({{"time", 6}});
  Function extend = session.function("extend");
  const Array x = words(5);
  expect_close(read(extend, x), read_whole(x));
  EXPECT_EQ(session.state("length").item<int32_t>(), 5);
  EXPECT_EQ(session.state("keys").shape(), (Shape{6, kWidth}));
  EXPECT_EQ(program.step(), 0u);
}

TEST_P(Sessions, OfManyEachHasItsOwn) {
  std::vector<Session> sessions;
  std::vector<Function> extends;
  for (int64_t i = 0; i < 5; ++i) {
    sessions.push_back(program.session({{"time", 4 + i % 2}}));
    extends.push_back(sessions.back().function("extend"));
  }
  // In turns, a word each.
  for (int64_t word = 0; word < 3; ++word) {
    for (int64_t i = 0; i < 5; ++i) {
      const Array x = words(3, i);
      Function& extend = extends[static_cast<size_t>(i)];
      const float* row = x.values<float>().data() + word * kWidth;
      std::copy(row, row + kWidth, extend.input<float>("x").begin());
      extend.start();
    }
    for (Function& extend : extends) extend.wait();
  }
  for (int64_t i = 0; i < 5; ++i) {
    expect_close(floats(extends[static_cast<size_t>(i)].output("y")), read_whole(words(3, i)));
  }
}

TEST_P(Sessions, RunBesideEachOther) {
  std::vector<std::function<void()>> readers;
  for (int64_t i = 0; i < 4; ++i) {
    readers.push_back([this, i] {
      Session session = program.session({{"time", 4 + i}});
      Function extend = session.function("extend");
      const Array x = words(4, i);
      const std::vector<float> got = read(extend, x), want = read_whole(x);
      for (size_t k = 0; k < got.size(); ++k) {
        if (std::abs(got[k] - want[k]) > 1e-5f) throw std::logic_error("a wrong answer");
      }
    });
  }
  EXPECT_EQ(together(readers, 5), "");
}

TEST_P(Sessions, FunctionsShareTheStateOfTheirs) {
  Session session = program.session({{"time", 6}});
  Function extend = session.function("extend"), forget = session.function("forget");
  read(extend, words(5));
  forget.set_input("by", Array::scalar<int32_t>(5));
  forget.run();
  EXPECT_EQ(forget.value<int32_t>("left"), 0);
  expect_close(read(extend, words(3, 1)), read_whole(words(3, 1)));
  session.reset();
  EXPECT_EQ(session.state("length").item<int32_t>(), 0);
  for (const float x : floats(session.state("keys"))) EXPECT_EQ(x, 0);
  expect_close(read(extend, words(2)), read_whole(words(2)));
  session.set_state("length", Array::scalar<int32_t>(0));
  expect_close(read(extend, words(4, 2)), read_whole(words(4, 2)));
}

TEST_P(Sessions, MayBeDroppedBeforeTheirFunctions) {
  std::optional<Function> extend;
  {
    Session session = program.session({{"time", 6}});
    extend = session.function("extend");
  }
  expect_close(read(*extend, words(3)), read_whole(words(3)));
}

TEST_P(Sessions, AreInNoFile) {
  const ScratchFolder folder;
  Session session = program.session({{"time", 6}});
  Function extend = session.function("extend");
  read(extend, words(2));
  std::vector<std::string> names;
  for (const TensorInfo& state : program.states()) names.push_back(state.name);
  EXPECT_THAT(names, testing::UnorderedElementsAre("query.weight", "query.bias", "key.weight", "key.bias",
                                                   "value.weight", "value.bias"));
  EXPECT_EQ(program.snapshot().states.size(), 6u);
  program.save(folder.path("saved"));
  EXPECT_EQ(program.load(folder.path("saved")).loaded.size(), 6u);
  EXPECT_EQ(session.state("length").item<int32_t>(), 2);
  names.clear();
  for (const TensorInfo& state : session.states()) {
    names.push_back(state.name + " " + to_string(state.dtype, state.shape));
  }
  EXPECT_THAT(names, testing::ElementsAre("length i32[]", "keys f32[6,8]", "values f32[6,8]"));
}

TEST_P(Sessions, AFaultLeavesThemAsTheyWere) {
  Program checked;
  nn::Module root;
  const Dim slots{"slots"};
  nn::Cache last{root, "last", {slots}, Initializer::constant(7), i32};
  checked.add("pick", {{"table", i32, {3}}, {"id", i32, {slots}}}, [&](const Inputs& in) -> Outputs {
    const Tensor picked = gather(in["table"], in["id"]);
    last.assign(picked + last);
    return {{"y", picked}};
  });
  checked.compile({.device = device.name()});
  Session session = checked.session({{"slots", 2}});
  Function pick = session.function("pick");
  pick.set_input("table", Array::from<int32_t>({10, 20, 30}, {3}));
  pick.set_input("id", Array::from<int32_t>({1, 3}, {2}));
  EXPECT_THAT(message_of([&] { pick.run(); }), testing::HasSubstr("index 3 at position [1] of 'id'"));
  EXPECT_EQ(session.state("last").values<int32_t>()[0], 7);
  pick.set_input("id", Array::from<int32_t>({1, 2}, {2}));
  pick.run();
  EXPECT_EQ(session.state("last").values<int32_t>()[0], 27);
  EXPECT_EQ(checked.session({{"slots", 3}}).state("last").values<int32_t>()[2], 7);
  EXPECT_EQ(checked.check().disagreement, "");
}

// Also where what is checked follows from what is written.
TEST_P(Sessions, AFaultThatFollowsLeavesThemToo) {
  Program checked;
  nn::Module root;
  nn::Cache rows{root, "rows", {4, 2}, Initializer::ones()}, at{root, "at", {}, Initializer::zeros(), i32};
  nn::Buffer total{root, "total", {2}};
  checked.add("add", {{"x", f32, {1, 2}}}, [&](const Inputs& in) -> Outputs {
    rows.assign(dynamic_update(rows, in["x"], {at, 0}));
    at.assign(at + 1);
    total.assign(total + sum(rows, 0));
    return {{"y", check_finite(log(sum(total)), "logarithm")}};
  });
  checked.compile({.device = device.name()});
  Session session = checked.session();
  Function add = session.function("add");
  const auto run = [&](float value) {
    add.set_input("x", Array::from<float>({value, value}, {1, 2}));
    add.run();
  };
  run(2);
  EXPECT_THAT(message_of([&] { run(-20); }), testing::HasSubstr("logarithm is not finite"));
  EXPECT_EQ(session.state("at").item<int32_t>(), 1);
  EXPECT_EQ(floats(session.state("rows")), (std::vector<float>{2, 2, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(floats(checked.state("total")), (std::vector<float>{5, 5}));
  run(3);
  EXPECT_EQ(floats(session.state("rows")), (std::vector<float>{2, 2, 3, 3, 1, 1, 1, 1}));
}

TEST_P(Sessions, BesideStateOfTheProgram) {
  Program both;
  nn::Module root;
  nn::Cache own{root, "own", {2}};
  nn::Buffer shared{root, "shared", {2}};
  both.add("count", {}, [&](const Inputs&) -> Outputs {
    own.assign(own + 1);
    shared.assign(shared + 1);
    return {{"own", own.read()}, {"shared", shared.read()}};
  });
  both.compile({.device = device.name()});
  Session one = both.session(), other = both.session();
  Function first = one.function("count"), second = other.function("count");
  first.start();
  second.start();
  first.wait();
  second.wait();
  first.run();
  EXPECT_EQ(first.output<float>("own")[1], 2);
  EXPECT_EQ(first.output<float>("shared")[1], 3);
  EXPECT_EQ(floats(other.state("own")), (std::vector<float>{1, 1}));
  EXPECT_EQ(floats(both.state("shared")), (std::vector<float>{3, 3}));
  EXPECT_EQ(both.step(), 3u);
}

TEST_P(Sessions, WhatIsWrongIsTold) {
  EXPECT_EQ(
      message_of([&] { program.function("extend"); }),
      "extend: uses 'length', which each session has its own of: program.session().function(\"extend\")");
  EXPECT_EQ(
      message_of([&] {
        program.run("extend", {{"x", Array(f32, {kWidth})}});
      }),
      "extend: uses 'length', which each session has its own of: program.session().function(\"extend\")");
  EXPECT_EQ(message_of([&] { program.session(); }),
            "session: 'time' of state 'keys' has no size; give one to compile or session: {{\"time\", 32}}");
  EXPECT_EQ(message_of([&] {
              program.session({{"time", 4}, {"space", 2}});
            }),
            "session: no state of it has a 'space'");
  EXPECT_EQ(message_of([&] {
              program.session({{"time", -4}});
            }),
            "session: state 'keys': time is no extent where time = -4");
  EXPECT_EQ(message_of([&] { Program().session(); }), "session: compile the program first");
  Session session = program.session({{"time", 4}});
  EXPECT_EQ(message_of([&] {
              session.function("whole", {{"time", 5}});
            }),
            "whole: 'time' is 4 in this session, got 5");
  EXPECT_EQ(session.function("whole").inputs()[0].shape, (Shape{4, kWidth}));
  EXPECT_EQ(message_of([&] { session.function("contract"); }),
            "no function is called 'contract'; functions are 'extend', 'whole', 'forget'");
  EXPECT_EQ(message_of([&] { session.state("query.bias"); }), "no state is called 'query.bias'");
  EXPECT_EQ(message_of([&] {
              session.set_state("keys", Array(f32, {5, kWidth}));
            }),
            "state 'keys' is f32[4,8], got f32[5,8]");
  EXPECT_EQ(message_of([&] { session.set_state("keys", Array()); }), "state 'keys': the array is undefined");
  EXPECT_EQ(message_of([&] {
              program.set_state("keys", Array(f32, {4, kWidth}));
            }),
            "no state is called 'keys'");
  EXPECT_EQ(message_of([&] { reader.keys.shape(); }),
            "state 'keys' has no shape of its own: it is [time,8] of each session");
  Program plain;
  plain.add("f", {}, [](const Inputs&) -> Outputs { return {{"y", zeros({2})}}; });
  plain.compile({.device = device.name()});
  EXPECT_EQ(message_of([&] { plain.session(); }), "session: no function of the program uses an nn::Cache");
}

TEST(Session, StateHasOneKind) {
  nn::Module one("a"), other("a");
  nn::Buffer buffer(one, "x", {2});
  nn::Cache cache(other, "x", {2});
  Program program;
  program.add("f", {}, [&](const Inputs&) -> Outputs { return {{"y", buffer + cache}}; });
  EXPECT_EQ(
      message_of([&] { program.compile({.device = "reference"}); }),
      "state 'a.x' is both f32[2] and f32[2]: of two models or optimisers in a program each needs a name: "
      "Module(\"name\"), {.name = \"name\"}; and state has no Dim, but one shape in all calls");
}

}  // namespace
}  // namespace sinter
