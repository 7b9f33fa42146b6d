/* The filter's arithmetic for numbers (`turnpoint.model.observation._number`) as a plain loop, for comparison:
 *   filter_loop SERIES READINGS PARTICLES
 * prints seconds. Compile with: cc -O3 -march=native -ffast-math filter_loop.c -o filter_loop -lm
 */
#define _POSIX_C_SOURCE 199309L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MOST 65536

static float noise[MOST], drift[MOST], jump_variance[MOST], window[MOST], odds_0[MOST], jump[MOST];
static float mean[MOST], variance[MOST], total[MOST];

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    int series = atoi(argv[1]), readings = atoi(argv[2]), size = atoi(argv[3]);
    if (size > MOST || readings < 2) return 2;
    float *signal = malloc(sizeof(float) * (size_t)readings * (size_t)size);
    if (!signal) return 2;
    for (int k = 0; k < size; k++) {
        float u = (float)(k + 1) / (float)size;
        noise[k] = 0.002f + 0.004f * u; drift[k] = 0.0001f + 0.0005f * u; jump_variance[k] = 0.05f + 0.1f * u;
        window[k] = 400.0f + 900.0f * u; odds_0[k] = 0.1f + 0.3f * u; jump[k] = 0.01f + 0.05f * u;
        for (int i = 0; i < readings; i++) signal[i * size + k] = -0.03f * (float)i * u + 0.01f * (float)(i * i) * u * u;
    }
    struct timespec begun, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    double kept = 0.0;
    for (int s = 0; s < series; s++) {
        float before = 3.4f;
        for (int k = 0; k < size; k++) { mean[k] = before - signal[k]; variance[k] = noise[k]; total[k] = 0.0f; }
        for (int i = 1; i < readings; i++) {
            float y = 3.4f - 0.02f * (float)i + 0.001f * (float)(s % 97), half = -0.5f * (y - before) * (y - before);
            const float *own = signal + i * size;
            float step = 0.02f, constant = logf(step * 0.39894228f), rounding = step * step / 12.0f;
            for (int k = 0; k < size; k++) {
                float e = noise[k] + rounding, v = drift[k] * 6.0f + variance[k];
                float fresh = (odds_0[k] + 1.0f - odds_0[k] * expf(window[k] * half)) / (odds_0[k] + 1.0f);
                float error = y - mean[k] - own[k], square = error * error;
                float calm = 1.0f / (v + e), jumped_p = 1.0f / (v + e + jump_variance[k]);
                float apart = calm - jumped_p, jumped = sqrtf(jumped_p) * jump[k];
                float weight = expf(-0.5f * square * apart) * sqrtf(calm) * (1.0f - jump[k]) + jumped;
                float share = jumped / weight;
                apart *= e;
                float residual = calm * e - share * apart;
                variance[k] = (1.0f - residual) * e + apart * apart * square * (share - share * share);
                total[k] += logf(weight * fresh) + constant - 0.5f * square * jumped_p;
                mean[k] = y - error * residual - own[k];
            }
            before = y;
        }
        kept += total[s % size];
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%.6f %g\n", (double)(ended.tv_sec - begun.tv_sec) + 1e-9 * (double)(ended.tv_nsec - begun.tv_nsec), kept);
    free(signal);
    return 0;
}
