#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/frontend/evaluate.h"
#include "tests/support/message_of.h"

// What a mistake says: the texts are part of the interface.
namespace sinter {
namespace {

std::string traced(const std::function<void(const Inputs&)>& body) {
  return message_of([&] {
    Program program;
    program.add("f", {{"x", f32, {4, 8}}, {"ids", i32, {4}}}, [&](const Inputs& in) -> Outputs {
      body(in);
      return {};
    });
    program.compile({.device = "reference"});
  });
}

// "message (errors_test.cc:LINE)" with this file's line.
std::string at_line(const std::string& message, int line, const std::string& scope = "") {
  return message + " (errors_test.cc:" + std::to_string(line) + (scope.empty() ? "" : ", in " + scope) + ")";
}

struct Inner : nn::Module {
  Inner(nn::Module& owner, std::string name) : Module(owner, std::move(name)) {}
  nn::Parameter table{*this, "table", {3, 2}, Initializer::zeros()};
  int line = 0;

  Tensor operator()(const Tensor& x) {
    const nn::Scope scope(*this);
    line = __LINE__ + 1;
    return matmul(x, table);
  }
};

struct EncoderModel : nn::Module {
  nn::ModuleList<Inner> encoder{*this, "encoder", 2};
  nn::Linear classes{*this, "classes", 7, 3};
};

TEST(Errors, NameTheLineOfAnOperator) {
  int line = 0;
  const std::string message = traced([&](const Inputs& in) {
    line = __LINE__ + 1;
    (void)(in["x"] + reshape(in["x"], {8, 4}));
  });
  EXPECT_EQ(message, at_line("add: shapes do not broadcast: lhs f32[4,8], rhs f32[8,4]", line));
}

TEST(Errors, NameTheLineOfAFunction) {
  int line = 0;
  const std::string message = traced([&](const Inputs& in) {
    line = __LINE__ + 1;
    (void)exp(in["ids"]);
  });
  EXPECT_EQ(message, at_line("exp: takes a floating type, got i32[4]", line));
}

TEST(Errors, NameTheModuleOfALayer) {
  EncoderModel model;
  int line = 0;
  const std::string message = traced([&](const Inputs& in) {
    line = __LINE__ + 1;
    (void)model.classes(in["x"]);
  });
  EXPECT_EQ(message, at_line("Linear: takes x f32[...,7], got f32[4,8]", line, "classes"));
}

TEST(Errors, NameAModuleOfTheUsersOwn) {
  EncoderModel model;
  const std::string message = traced([&](const Inputs& in) { (void)model.encoder[1](in["x"]); });
  EXPECT_EQ(message, at_line("matmul: inner dimensions differ: lhs f32[4,8] has 8, rhs f32[3,2] has 3",
                             model.encoder[1].line, "encoder.1"));
}

TEST(Errors, ElementTypesDoNotConvert) {
  int line = 0;
  const std::string message = traced([&](const Inputs& in) {
    line = __LINE__ + 1;
    (void)(at(in["x"], 1, 0) * in["ids"]);
  });
  EXPECT_EQ(message, at_line("mul: element types differ: lhs f32[4], rhs i32[4]", line));
}

TEST(Errors, ANumberMustFitItsTensor) {
  int line = 0;
  const std::string message = traced([&](const Inputs& in) {
    line = __LINE__ + 1;
    (void)(in["ids"] * 2.5);
  });
  EXPECT_EQ(message, at_line("mul: the number 2.5 does not fit a tensor of i32", line));
}

TEST(Errors, AxesAreCheckedWithTheirTensor) {
  int line = 0;
  std::string message = traced([&](const Inputs& in) {
    line = __LINE__ + 1;
    (void)sum(in["x"], 2);
  });
  EXPECT_EQ(message, at_line("sum: axis 2 is outside f32[4,8]", line));
  message = traced([&](const Inputs& in) {
    line = __LINE__ + 1;
    (void)mean(in["x"], {1, -1});
  });
  EXPECT_EQ(message, at_line("mean: axis 1 of f32[4,8] is given twice", line));
  message = traced([&](const Inputs& in) {
    line = __LINE__ + 1;
    (void)in["x"].dim(-3);
  });
  EXPECT_EQ(message, at_line("dim: axis -3 is outside f32[4,8]", line));
}

TEST(Errors, AnUndefinedTensor) {
  int line = 0;
  const std::string message = traced([&](const Inputs& in) {
    line = __LINE__ + 1;
    (void)(in["x"] + Tensor());
  });
  EXPECT_EQ(message, at_line("add: the tensor is undefined", line));
}

TEST(Errors, ATensorOfAnotherFunction) {
  Tensor strayed;
  int line = 0;
  const std::string message = message_of([&] {
    Program program;
    program.add("first", {{"x", f32, {2}}}, [&](const Inputs& in) -> Outputs {
      strayed = in["x"];
      return {{"y", in["x"]}};
    });
    program.add("second", {{"x", f32, {2}}}, [&](const Inputs& in) -> Outputs {
      line = __LINE__ + 1;
      return {{"y", in["x"] + strayed}};
    });
    program.compile({.device = "reference"});
  });
  EXPECT_EQ(message, at_line("add: f32[2] belongs to another function or call, which has ended", line));
}

TEST(Errors, NothingIsTraced) {
  const int line = __LINE__ + 1;
  const std::string message = message_of([] { (void)zeros({2}); });
  EXPECT_EQ(
      message,
      at_line("full: no function is being traced; build tensors inside one given to Program::add", line));
}

TEST(Errors, AnUnknownInputOfTheTracedFunction) {
  const std::string message = traced([](const Inputs& in) { (void)in["words"]; });
  EXPECT_EQ(message, "f: no input is called 'words'; inputs are 'ids', 'x'");
}

TEST(Errors, AreOfTheUsersKind) {
  try {
    Program().compile();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::usage);
  }
}

TEST(Modules, NamesAreUniqueAndPlain) {
  struct Twice : nn::Module {
    nn::Linear a{*this, "a", 1, 1};
    nn::Linear b{*this, "a", 1, 1};
  };
  EXPECT_EQ(message_of([] { Twice twice; }), "'a' is declared twice");
  struct Odd : nn::Module {
    nn::Linear a{*this, "a b", 1, 1};
  };
  EXPECT_EQ(message_of([] { Odd odd; }), "'a b' does not name a part of a model: letters, digits and '_' do");
}

TEST(Errors, AnOutputHasANameOfItsOwn) {
  const auto compiled = [](const std::vector<std::string>& names) {
    return message_of([&] {
      Program program;
      program.add("step", {{"x", f32, {4}}}, [&](const Inputs& in) -> Outputs {
        Outputs outputs;
        for (const std::string& name : names) outputs.emplace_back(name, in["x"] * 2);
        return outputs;
      });
      program.compile();
    });
  };
  EXPECT_EQ(compiled({"x.gradient", "layers.0.weight"}), "");
  EXPECT_EQ(compiled({"my loss"}),
            "'my loss' does not name an output of 'step': letters, digits, '_' and '.' do");
  EXPECT_EQ(compiled({"y", "y"}), "step: output 'y' is given twice");
}

TEST(Modules, TwoModelsOfOneProgramNeedNames) {
  EncoderModel first, second;
  const std::string message = message_of([&] {
    Program program;
    program.add("f", {{"x", f32, {1, 7}}}, [&](const Inputs& in) -> Outputs {
      return {{"y", first.classes(in["x"]) + second.classes(in["x"])}};
    });
    program.compile({.device = "reference"});
  });
  EXPECT_EQ(
      message,
      "two states are called 'classes.weight': of two models or optimisers in a program each needs a name: "
      "Module(\"name\"), {.name = \"name\"}");
}

TEST(Errors, ArraysThatAreNotThere) {
  Arrays arrays = {{"loss", Array::scalar(1)}, {"rate", Array::scalar(2)}};
  EXPECT_EQ(arrays.at("rate").item<int32_t>(), 2);
  EXPECT_EQ(message_of([&] { arrays.at("lost"); }), "no array is called 'lost', only 'loss', 'rate'");
  EXPECT_EQ(message_of([] { Arrays().at("loss"); }), "no array is called 'loss'");
}

TEST(Errors, MemoryThatIsNotThere) {
  EXPECT_EQ(message_of([] { const Array array(f32, {int64_t{1} << 48}); }),
            "not enough memory: 1073741824 MiB were asked for");
}

}  // namespace
}  // namespace sinter
