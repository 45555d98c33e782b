#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sinter/exported.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>
#include <utility>

#include "backends/vulkan/compile/shader_needs.h"
#include "backends/vulkan/compile/spirv.h"
#include "backends/vulkan/player/player.h"
#include "runtime/safetensors.h"
#include "tests/export/exports.h"
#include "tests/export/model.h"
#include "tests/support/message_of.h"

// Programs that were exported for vulkan, in a process without a compiler, against the same ones here.
namespace sinter::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kSteps = 20;

class VulkanExports : public ExportTest {
 protected:
  VulkanExports() {
    tagger_.program.export_to(path(""), {.name = "tagger",
                                         .functions = {"predict", "noise", "train"},
                                         .dims = {{{"batch", Tagger::kBatch}}, {{"batch", 1}}}});
  }

  std::string error(const std::string& file) const {
    return message_of([&] { const ExportedProgram exported(path(file)); });
  }
  // What is said of the exported program on a device with other abilities.
  std::string error_on(std::function<void(vulkan::GpuAbilities&)> lessen) const {
    vulkan::GpuOptions options;
    options.lessen = std::move(lessen);
    const auto gpu = std::make_shared<vulkan::Gpu>(options);
    const std::string message = message_of([&] { vulkan::open_player(path("tagger.sinter"), gpu); });
    const std::string begin = path("tagger.sinter") + ": it ", end = " on " + gpu->name();
    if (!message.starts_with(begin) || !message.ends_with(end)) return message;
    return message.substr(begin.size(), message.size() - begin.size() - end.size());
  }

  Tagger tagger_{{.device = "vulkan", .seed = 5}};
};

// The compiler is not in the process: `ldd` says so of what it starts with.
TEST_F(VulkanExports, TrainWithoutACompilerToTheSameBits) {
  EXPECT_THAT(shell("ldd " SINTER_BINARY_DIR "/export_player"),
              testing::Not(testing::ContainsRegex("LLVM|glslang|SPIRV|libsinter\\.so")));
  const ProgramResult played = run("export_player", fmt::format("{}", kSteps));
  ASSERT_EQ(played.status, 0) << played.err;

  Program& program = tagger_.program;
  std::string losses;
  Drawn drawn;
  Function train = program.function("train");
  for (int step = 0; step < kSteps; ++step) {
    drawn.fill(train);
    train.run();
    losses += bytes_of(train.output<float>("loss"));
  }
  program.save(path("expected.safetensors"));
  EXPECT_TRUE(bytes("losses") == losses);
  EXPECT_TRUE(bytes("trained.safetensors") == bytes("expected.safetensors"));

  drawn = {};
  for (int step = 0; step < kSteps; ++step) drawn.fill(train);
  const auto words = train.input<int32_t>("words");
  for (const int64_t batch : {Tagger::kBatch, int64_t{1}}) {
    Function predict = program.function("predict", {{"batch", batch}});
    std::ranges::copy(words.first(static_cast<size_t>(batch * Tagger::kWords)),
                      predict.input<int32_t>("words").begin());
    predict.run();
    EXPECT_TRUE(bytes(batch == 1 ? "scores_of_one" : "scores") == bytes_of(predict.output<float>("scores")));
  }
  Function noise = program.function("noise");
  for (int call = 0; call < 3; ++call) noise.run();
  EXPECT_TRUE(bytes("noise") == bytes_of(noise.output<float>("noise")));

  // What was saved goes on in the program.
  program.set_step(0);
  program.load(path("trained.safetensors"));
  EXPECT_EQ(program.step(), kSteps);
}

TEST_F(VulkanExports, SayWhatTheyHave) {
  const ExportedProgram exported(path("tagger.sinter"));
  EXPECT_THAT(exported.functions(),
              ElementsAre("predict_batch_16", "predict_batch_1", "noise", "train_batch_16", "train_batch_1"));
  EXPECT_EQ(exported.states().size(), tagger_.program.states().size());
  const Function train = exported.function("train_batch_1");
  ASSERT_EQ(train.inputs().size(), 2u);
  EXPECT_EQ(train.inputs()[0].name, "words");
  EXPECT_EQ(to_string(train.inputs()[0].dtype, train.inputs()[0].shape), "i32[1,10]");
  EXPECT_EQ(train.outputs()[0].name, "loss");
}

// A service changes how it gets its program, and nothing else.
TEST_F(VulkanExports, AreCalledAsTheProgram) {
  ExportedProgram exported(path("tagger.sinter"));
  exported.load(path("tagger.safetensors"));
  const auto floats = [](const Array& array) { return bytes_of(array.values<float>()); };
  const auto serve = [&](auto& program) {
    const DimSizes one = {{"batch", 1}}, all = {{"batch", Tagger::kBatch}};
    Array words(i32, {3 * Tagger::kBatch + 2, Tagger::kWords});
    for (int64_t i = 0; i < words.size(); ++i) words.values<int32_t>()[i] = static_cast<int32_t>(i * 7 % 50);
    std::string said;
    for (const int64_t rows : {int64_t{1}, Tagger::kBatch - 1, Tagger::kBatch, words.shape()[0]}) {
      Function predict = program.function("predict", all);
      said += floats(predict.run_rows({{"words", words.slice(0, rows)}}).at("scores"));
    }
    // In two parts, on what lies on the device, and on an output of another call.
    Function first = program.function("predict", one), second = program.function("predict", one);
    first.bind("words", program.upload(words.slice(0, 1)));
    second.set_input("words", words.slice(1, 2));
    first.start();
    second.start();
    first.wait();
    second.wait();
    const Array kept = first.output("scores");
    first.set_input("words", words.slice(2, 3));
    first.run();
    for (const Array& scores : {kept, first.output("scores"), second.output("scores")})
      said += floats(scores);
    Function noise = program.function("noise");
    noise.set_call(7);
    noise.run();
    said += floats(noise.output("noise"));
    const Arrays scores = program.run("predict", {{"words", words.slice(5, 6)}}, one);
    return said + floats(scores.at("scores"));
  };
  EXPECT_TRUE(serve(exported) == serve(tagger_.program));

  std::vector<std::thread> threads;
  const std::string expected = serve(exported);
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { wrong += serve(exported) != expected; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);

  EXPECT_EQ(message_of([&] { exported.function("predict"); }),
            "predict: was exported for several sizes; give one, or one of these names: 'predict_batch_16', "
            "'predict_batch_1'");
  EXPECT_THAT(
      message_of([&] {
        exported.function("predict", {{"batch", 5}});
      }),
      HasSubstr("no function is called 'predict' with batch = 5; functions are 'predict_batch_16', "));
  EXPECT_EQ(message_of([&] {
              exported.run("predict", {{"words", Array(i32, {5, Tagger::kWords})}});
            }),
            "predict_batch_16: input 'words' is i32[16,10], got i32[5,10]");
  Function train = exported.function("train", {{"batch", 1}});
  const Array two(i32, {2, Tagger::kWords});
  EXPECT_EQ(
      message_of([&] {
        train.run_rows({{"words", two}, {"labels", two}});
      }),
      "train_batch_1: input 'words' is i32[1,10], got i32[2,10], and there is no batch to be cut: it writes "
      "state");
}

TEST_F(VulkanExports, WidenWhatTheyLoad) {
  ExportedProgram exported(path("tagger.sinter"));
  runtime::SafetensorsFile file = runtime::read_safetensors(path("tagger.safetensors"));
  runtime::HostTensor& bias = file.tensors.at("classes.bias");
  bias = runtime::HostTensor(runtime::DType::bf16, bias.shape());
  static_cast<uint16_t*>(bias.raw())[2] = 0x3fc0;  // 1.5
  runtime::write_safetensors(path("narrow.safetensors"), file);
  exported.load(path("narrow.safetensors"));
  EXPECT_EQ(exported.state("classes.bias").values<float>()[2], 1.5f);
  exported.set_state("classes.bias", Array(f32, bias.shape()));
  EXPECT_EQ(exported.state("classes.bias").values<float>()[2], 0.0f);
}

TEST_F(VulkanExports, ChangeNothingWhereACallFails) {
  ExportedProgram exported(path("tagger.sinter"));
  exported.load(path("tagger.safetensors"));
  Function train = exported.function("train_batch_1");
  train.input<int32_t>("words")[3] = Tagger::kVocabulary;
  EXPECT_THAT(message_of([&] { train.run(); }), HasSubstr("index 50 at position [0,3] of 'words'"));
  EXPECT_EQ(exported.step(), 0u);
  exported.save(path("after.safetensors"));
  EXPECT_TRUE(bytes("after.safetensors") == bytes("tagger.safetensors"));
  train.input<int32_t>("words")[3] = 0;
  train.run();
  EXPECT_EQ(exported.step(), 1u);
}

TEST_F(VulkanExports, SayWhatIsWrongWithAFile) {
  EXPECT_EQ(error("absent.sinter"),
            fmt::format("cannot read {}: No such file or directory", path("absent.sinter")));
  EXPECT_EQ(error("tagger.safetensors"),
            path("tagger.safetensors") + ": it is no program that Sinter has exported for vulkan");
  const std::string whole = bytes("tagger.sinter");
  std::string other = whole;
  other[8] = 1;
  write("other.sinter", other);
  EXPECT_EQ(error("other.sinter"),
            path("other.sinter") + ": it is of format 1, this Sinter plays format 3: export it anew");
  other = whole;
  other[whole.size() / 2] ^= 1;
  write("other.sinter", other);
  EXPECT_EQ(error("other.sinter"), path("other.sinter") + ": it is damaged");
  write("other.sinter", whole.substr(0, whole.size() - 1));
  EXPECT_EQ(error("other.sinter"), path("other.sinter") + ": it is damaged");
  EXPECT_EQ(message_of([&] { const ExportedProgram exported(path("tagger.sinter"), "cpu"); }),
            "device 'cpu' plays no program compiled ahead of time: those that do are vulkan");
}

TEST_F(VulkanExports, SayWhatADeviceLacks) {
  EXPECT_EQ(error_on(nullptr), "");
  EXPECT_EQ(error_on([](vulkan::GpuAbilities& has) { has.keeps_nan = false; }),
            "needs infinities and NaNs that are kept");
  EXPECT_EQ(error_on([](vulkan::GpuAbilities& has) { has.subgroup_shuffle = false; }),
            "needs shuffles in subgroups");
  EXPECT_THAT(error_on([](vulkan::GpuAbilities& has) { has.subgroup_size = 2; }),
              testing::MatchesRegex("needs subgroups of [0-9]+ invocations, not 2"));
  EXPECT_THAT(error_on([](vulkan::GpuAbilities& has) { has.limits.maxComputeWorkGroupInvocations = 1; }),
              testing::MatchesRegex("needs workgroups of [0-9]+ invocations, 1 at most"));
  EXPECT_THAT(error_on([](vulkan::GpuAbilities& has) { has.limits.maxStorageBufferRange = 1000; }),
              testing::MatchesRegex("needs buffers of [0-9]+ bytes, 1000 at most"));
  EXPECT_THAT(error_on([](vulkan::GpuAbilities& has) { has.max_iterations = 1; }),
              testing::MatchesRegex("needs loops of [0-9]+ iterations, 1 at most"));
  EXPECT_THAT(error_on([](vulkan::GpuAbilities& has) { has.limits.minStorageBufferOffsetAlignment = 4096; }),
              testing::MatchesRegex("needs buffers that begin at any [0-9]+ bytes, not 4096"));
  // What it does not use it does not need.
  EXPECT_EQ(error_on([](vulkan::GpuAbilities& has) { has.has_f64 = false; }), "");
}

TEST(ShaderNeeds, AreWhatItsCodeSays) {
  vulkan::Needs needs;
  vulkan::add_needs(vulkan::compile_to_spirv(R"(#version 450
layout(local_size_x = 96) in;
layout(std430, binding = 0) buffer Sums { float sums[]; };
shared vec4 tile[8][3];
shared int count;
void main() {
  if (gl_LocalInvocationID.x == 0) count = 1;
  tile[gl_LocalInvocationID.x % 8][1] = vec4(sums[0]);
  barrier();
  sums[gl_LocalInvocationID.x] = tile[2][count].x;
}
)"),
                    8, needs);
  EXPECT_EQ(needs.invocations, 96);
  EXPECT_EQ(needs.shared_bytes, 8 * 3 * 16 + 4);
  EXPECT_EQ(needs.subgroup_size, 0);
  EXPECT_EQ(needs.f64 + needs.i64 + needs.bytes + needs.nan + needs.denormals + needs.shuffle, 0);
  vulkan::add_needs(vulkan::compile_to_spirv(R"(#version 450
#extension GL_KHR_shader_subgroup_arithmetic : require
layout(local_size_x = 32) in;
layout(std430, binding = 0) buffer Sums { double sums[]; };
void main() { sums[0] = double(subgroupAdd(gl_LocalInvocationID.x)); }
)"),
                    8, needs);
  EXPECT_EQ(needs.invocations, 96);
  EXPECT_EQ(needs.subgroup_size, 8);
  EXPECT_EQ(needs.f64, 1);
  EXPECT_EQ(needs.arithmetic, 1);
  EXPECT_EQ(needs.shuffle, 0);
  const vulkan::GpuAbilities none;
  EXPECT_EQ(vulkan::lacking(needs, none), "needs 64-bit floats");
  EXPECT_EQ(vulkan::lacking({.shared_bytes = 388}, none), "needs 388 bytes of shared memory, 0 at most");
}

TEST_F(VulkanExports, SayWhatDoesNotFit) {
  ExportedProgram exported(path("tagger.sinter"));
  exported.load(path("tagger.safetensors"));
  EXPECT_EQ(message_of([&] { exported.function("classify"); }),
            "no function is called 'classify'; functions are 'predict_batch_16', 'predict_batch_1', 'noise', "
            "'train_batch_16', 'train_batch_1'");
  Function train = exported.function("train_batch_1");
  EXPECT_EQ(message_of([&] { train.input<int32_t>("ids"); }),
            "train_batch_1: no input is called 'ids'; inputs are 'words', 'labels'");
  EXPECT_EQ(message_of([&] { train.input<float>("words"); }),
            "train_batch_1: input 'words' is i32[1,10], asked for as f32");
  EXPECT_EQ(message_of([&] {
              train.set_input("words", Array(i32, {2, 10}));
            }),
            "train_batch_1: input 'words' is i32[1,10], got i32[2,10]");
  EXPECT_EQ(message_of([&] { train.output("scores"); }),
            "train_batch_1: no output is called 'scores'; outputs are 'loss'");

  runtime::SafetensorsFile file = runtime::read_safetensors(path("tagger.safetensors"));
  const std::string last = file.tensors.rbegin()->first;
  const std::string type = runtime::to_string(file.tensors.at(last).dtype(), file.tensors.at(last).shape());
  const std::string other = path("other.safetensors");
  for (auto& [name, tensor] : file.tensors) {
    if (name != last) tensor = runtime::HostTensor(tensor.dtype(), tensor.shape());
  }
  file.tensors.at(last) = runtime::HostTensor::scalar(1.0f);
  runtime::write_safetensors(other, file);
  EXPECT_EQ(message_of([&] { exported.load(other); }),
            fmt::format("{}: state '{}' is {}, got f32[]", other, last, type));
  file.tensors.erase(last);
  runtime::write_safetensors(other, file);
  EXPECT_EQ(message_of([&] { exported.load(other); }),
            fmt::format("{} has no state '{}', which is {}", other, last, type));
  EXPECT_EQ(message_of([&] { exported.load(path("absent")); }),
            fmt::format("cannot read {}: No such file or directory", path("absent")));
  exported.save(path("after.safetensors"));
  EXPECT_TRUE(bytes("after.safetensors") == bytes("tagger.safetensors"));
}

// For a GPU that is not here.
TEST_F(VulkanExports, AreForADeviceByName) {
  tagger_.program.export_to(path("far"), {.name = "tagger", .functions = {"predict"}, .target = "h200"});
  EXPECT_THAT(error("far/tagger.sinter"), HasSubstr("far/tagger.sinter: it needs "));
}

}  // namespace
}  // namespace sinter::test
