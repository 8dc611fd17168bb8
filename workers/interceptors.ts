/** What happens around every activity: errors are mapped, and in fault tests a failpoint may end the process. */
import type { Context } from '@temporalio/activity';
import type { ActivityInboundCallsInterceptor, ActivityInterceptors } from '@temporalio/worker';
import { toActivityFailure } from '../activities/failures.js';
import type { Failpoints } from './failpoints.js';

export function activityInterceptors(failpoints: Failpoints): (context: Context) => ActivityInterceptors {
  return (context) => ({ inbound: inboundInterceptor(context.info.activityType, failpoints) });
}

function inboundInterceptor(activityType: string, failpoints: Failpoints): ActivityInboundCallsInterceptor {
  return {
    async execute(input, next) {
      await failpoints.reach(`${activityType}.before`);
      try {
        const result = await next(input);
        await failpoints.reach(`${activityType}.after`);
        return result;
      } catch (error) {
        throw toActivityFailure(error);
      }
    },
  };
}
