#include <gtest/gtest.h>
#include <sinter/sinter.h>

#include <cmath>
#include <cstring>
#include <random>

// Rows with all that goes through them: what becomes one kernel, and that its values are right.
namespace sinter {
namespace {

struct Rows {
  std::string name;
  std::vector<Input> inputs;
  Program::Body body;
  int kernels;  // at most
};

Outputs with_gradients(const Tensor& y, const Inputs& in, const std::vector<std::string>& names) {
  std::vector<Tensor> wrt;
  for (const std::string& name : names) wrt.push_back(in[name]);
  const auto gradients = grad(sum(y * in["d_y"]), wrt);
  Outputs outputs{{"y", y}};
  for (size_t i = 0; i < names.size(); ++i) outputs.push_back({"d_" + names[i], gradients[i]});
  return outputs;
}

std::vector<Rows> table() {
  std::vector<Rows> list;
  for (const auto& [rows, width] : {std::pair{64, 5}, {320, 33}, {768, 128}, {67, 20}}) {
    const std::string size = std::to_string(rows) + " x " + std::to_string(width);
    const std::vector<Extent> shape{rows, width};
    // Sums over rows take a kernel beside, to add up those of blocks; 67 rows have no equal blocks.
    list.push_back(
        {"layer norm, " + size,
         {{"x", f32, shape}, {"scale", f32, {width}}, {"bias", f32, {width}}, {"d_y", f32, shape}},
         [](const Inputs& in) {
           return with_gradients(layer_norm(in["x"], in["scale"], in["bias"]), in, {"x", "scale", "bias"});
         },
         2});
    list.push_back({"rms norm, " + size,
                    {{"x", f32, shape}, {"scale", f32, {width}}, {"d_y", f32, shape}},
                    [](const Inputs& in) {
                      return with_gradients(rms_norm(in["x"], in["scale"]), in, {"x", "scale"});
                    },
                    2});
    list.push_back(
        {"softmax of a layer norm, in three axes, " + size,
         {{"x", f32, {2, rows, width}}, {"scale", f32, {width}}, {"d_y", f32, {2, rows, width}}},
         [](const Inputs& in) {
           return with_gradients(softmax(gelu(layer_norm(in["x"], in["scale"]))), in, {"x", "scale"});
         },
         2});
    list.push_back({"cross entropy, " + size,
                    {{"x", f32, {4, rows, width}}, {"t", i32, {4, rows}}},
                    [](const Inputs& in) -> Outputs {
                      // As a layer leaves them, and as the labels have them.
                      const Tensor x = reshape(in["x"], {-1, in["x"].shape()[2]});
                      const Tensor loss = cross_entropy(reshape(x * 3.0, in["x"].shape()), in["t"]);
                      return {{"loss", loss}, {"d_x", grad(loss, {in["x"]})[0]}};
                    },
                    3});
  }
  return list;
}

struct Ran {
  std::vector<Array> values;
  int kernels = 0;
};

Ran run(const Rows& rows, const CompileOptions& options) {
  Program program;
  program.add("f", rows.inputs, rows.body);
  program.compile(options);
  Function f = program.function("f");
  std::mt19937 random(7);
  for (const TensorInfo& input : f.inputs()) {
    if (input.dtype == f32) {
      for (float& x : f.input<float>(input.name)) x = std::normal_distribution<float>()(random);
    } else {
      for (int32_t& x : f.input<int32_t>(input.name)) x = static_cast<int32_t>(random() % 5);
    }
  }
  f.run();
  Ran ran;
  for (const TensorInfo& output : f.outputs()) ran.values.push_back(f.output(output.name));
  const std::string text = program.explain("f");
  ran.kernels = std::stoi(text.substr(text.find(": ") + 2));
  return ran;
}

// f32 sums in another order: a few units of the last place of the largest term.
void expect_close(const Array& expected, const Array& got, const std::string& what) {
  const auto a = expected.values<float>(), b = got.values<float>();
  ASSERT_EQ(a.size(), b.size()) << what;
  float largest = 1;
  for (float x : a) largest = std::max(largest, std::abs(x));
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 4e-6F * largest) << what << ", element " << i;
}

TEST(Rows, TakeOneKernelAndTheirColumnsAnother) {
  for (const Rows& rows : table()) {
    SCOPED_TRACE(rows.name);
    EXPECT_LE(run(rows, {.device = "cpu", .threads = 1}).kernels, rows.kernels);
  }
}

TEST(Rows, AgreeWithTheReferenceOnEveryDevice) {
  for (const Rows& rows : table()) {
    const Ran expected = run(rows, {.device = "reference"});
    for (const char* device : {"cpu", "vulkan"}) {
      for (bool fuse : {true, false}) {
        const Ran got = run(rows, {.device = device, .fuse = fuse});
        for (size_t i = 0; i < got.values.size(); ++i)
          expect_close(expected.values[i], got.values[i], rows.name + " on " + device);
      }
    }
  }
}

TEST(Rows, HaveTheSameBitsOnAnyNumberOfThreads) {
  for (const Rows& rows : table()) {
    const Ran one = run(rows, {.device = "cpu", .threads = 1});
    for (int threads : {2, 3}) {
      const Ran many = run(rows, {.device = "cpu", .threads = threads});
      for (size_t i = 0; i < one.values.size(); ++i) {
        const auto a = one.values[i].values<float>(), b = many.values[i].values<float>();
        EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size_bytes()), 0)
            << rows.name << ", " << threads << " threads";
      }
    }
  }
}

}  // namespace
}  // namespace sinter
