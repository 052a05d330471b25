/* The part of LiteRT's C API that classify.c calls. The wheel ai-edge-litert holds the library, libLiteRt.so, without
   its headers. Declared as in litert/c/ of https://github.com/google-ai-edge/LiteRT (litert_environment.h,
   litert_options.h, litert_model.h, litert_model_types.h, litert_layout.h, litert_compiled_model.h and
   litert_tensor_buffer.h), for ai-edge-litert 2.1.6 to 2.3.0. */
#ifndef GTZANET_LITERT_H
#define GTZANET_LITERT_H

#include <stddef.h>
#include <stdint.h>

typedef enum { kLiteRtStatusOk = 0 } LiteRtStatus;
typedef enum { kLiteRtHwAcceleratorCpu = 1 } LiteRtHwAccelerators;
typedef enum {
    kLiteRtElementTypeFloat32 = 1,
    kLiteRtElementTypeUInt8 = 3,
    kLiteRtElementTypeInt8 = 9
} LiteRtElementType;

typedef struct LiteRtEnvironmentT *LiteRtEnvironment;
typedef struct LiteRtOptionsT *LiteRtOptions;
typedef struct LiteRtModelT *LiteRtModel;
typedef struct LiteRtSubgraphT *LiteRtSubgraph;
typedef struct LiteRtTensorT *LiteRtTensor;
typedef struct LiteRtCompiledModelT *LiteRtCompiledModel;
typedef struct LiteRtTensorBufferT *LiteRtTensorBuffer;

typedef struct {
    LiteRtElementType element_type;
    struct {
        unsigned int rank : 7;
        unsigned int has_strides : 1;
        int32_t dimensions[8];
        uint32_t strides[8];
    } layout;
} LiteRtRankedTensorType;
_Static_assert(sizeof(LiteRtRankedTensorType) == 72, "the size that the library expects");

typedef struct {
    float scale;
    int64_t zero_point;
} LiteRtQuantizationPerTensor;

LiteRtStatus LiteRtCreateEnvironment(int num_options, const void *options, LiteRtEnvironment *environment);
void LiteRtDestroyEnvironment(LiteRtEnvironment environment);
LiteRtStatus LiteRtCreateOptions(LiteRtOptions *options);
LiteRtStatus LiteRtSetOptionsHardwareAccelerators(LiteRtOptions options, int accelerators);
void LiteRtDestroyOptions(LiteRtOptions options);
LiteRtStatus LiteRtCreateModelFromBuffer(LiteRtEnvironment environment, const void *address, size_t size,
                                         LiteRtModel *model);
void LiteRtDestroyModel(LiteRtModel model);
LiteRtStatus LiteRtGetNumModelSubgraphs(LiteRtModel model, size_t *count);
LiteRtStatus LiteRtGetModelSubgraph(LiteRtModel model, size_t index, LiteRtSubgraph *subgraph);
LiteRtStatus LiteRtGetNumSubgraphInputs(LiteRtSubgraph subgraph, size_t *count);
LiteRtStatus LiteRtGetNumSubgraphOutputs(LiteRtSubgraph subgraph, size_t *count);
LiteRtStatus LiteRtGetSubgraphInput(LiteRtSubgraph subgraph, size_t index, LiteRtTensor *tensor);
LiteRtStatus LiteRtGetSubgraphOutput(LiteRtSubgraph subgraph, size_t index, LiteRtTensor *tensor);
LiteRtStatus LiteRtGetRankedTensorType(LiteRtTensor tensor, LiteRtRankedTensorType *type);
LiteRtStatus LiteRtGetPerTensorQuantization(LiteRtTensor tensor, LiteRtQuantizationPerTensor *quantization);
LiteRtStatus LiteRtCreateCompiledModel(LiteRtEnvironment environment, LiteRtModel model, LiteRtOptions options,
                                       LiteRtCompiledModel *compiled);
void LiteRtDestroyCompiledModel(LiteRtCompiledModel compiled);
LiteRtStatus LiteRtRunCompiledModel(LiteRtCompiledModel compiled, size_t signature, size_t num_inputs,
                                    LiteRtTensorBuffer *inputs, size_t num_outputs, LiteRtTensorBuffer *outputs);
LiteRtStatus LiteRtCreateTensorBufferFromHostMemory(const LiteRtRankedTensorType *type, void *address, size_t size,
                                                    void (*deallocator)(void *), LiteRtTensorBuffer *buffer);
void LiteRtDestroyTensorBuffer(LiteRtTensorBuffer buffer);

/* Before 2.1.6 functions of the same names had other parameters. This one is newer: a reference to it makes the linker
   refuse an older library, which would crash. */
LiteRtStatus LiteRtCreateModelFromFd(void);
static LiteRtStatus (*volatile newest_function)(void) __attribute__((unused)) = LiteRtCreateModelFromFd;

#endif
